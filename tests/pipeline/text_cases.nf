#!/usr/bin/env nextflow
//
// Test only: what the pipeline says, from literal facts, in one start of Nextflow.
// --cases: JSON of {failures: [report, ...], plan: folder, progress: [[own, latest, n_shards, seconds], ...], outdir: results folder,
//          monochrome: [[value of --monochrome_logs, environment, command line], ...], locks: [folder, ...], again: folder}
// locks: results folders, in each of which the lock is taken; `again` takes it twice, releases it and takes it once more.
//

include { failureText; readManifest; rankCounts; leftovers; publishedVcf } from '../../subworkflows/local/utils_gfmtrust_pipeline/summary'
include { isMonochrome                                                       } from '../../subworkflows/local/utils_gfmtrust_pipeline/help'
include { lockFile; lockRefusal; lockText; ownFacts; releaseLock             } from '../../subworkflows/local/utils_gfmtrust_pipeline/lock'
include { planText; progressText                                             } from '../../subworkflows/local/utils_gfmtrust_pipeline/progress'

workflow {
    def cases = new groovy.json.JsonSlurper().parse(file(params.cases).toFile())
    def annotated = readManifest(cases.outdir).annotated ?: []
    def ours = lockText(ownFacts('happy_euler'))
    def refusals = cases.locks.collect { folder -> lockRefusal(lockFile(folder), ours, folder) }
    def lock = lockFile(cases.again)
    def again = [lockRefusal(lock, ours, cases.again), lockRefusal(lock, ours, cases.again)]
    releaseLock(lock, lockText(ownFacts('other_run')))
    def left = [lock.exists()]
    releaseLock(lock, ours)
    def told = [
        locks: refusals,
        own: ours,
        again: again,
        left: left + [lock.exists()],
        remote: lockFile('s3://bucket/results') == null,
        failures: cases.failures.collect { report -> failureText(report, 'results') },
        plan: planText(file(cases.plan), 5, 2, 'thorough'),
        progress: cases.progress.collect { own, latest, n_shards, seconds -> progressText('gpn', own, latest, n_shards, seconds) },
        ranks: rankCounts(annotated, 'vcf'),
        leftovers: leftovers(cases.outdir, annotated),
        monochrome: cases.monochrome.collect { value, environment, command_line -> isMonochrome(value, environment, command_line) },
        published: annotated.collect { entry -> publishedVcf(cases.outdir, entry) },
    ]
    file(params.told).text = groovy.json.JsonOutput.toJson(told)
}
