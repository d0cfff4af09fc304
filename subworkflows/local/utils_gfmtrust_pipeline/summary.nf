//
// What a run prints at its start and at its end. Plain text, because logs contain it too.
//

include { readSchema        } from './schema'
include { changedParameters } from './schema'
include { thousands         } from './words'
include { counted           } from './words'

/** What this run is made of, printed at its start; names are those of its models. */
def startText(values, regions, names) {
    def changed = changedParameters(values, readSchema(file("${projectDir}/nextflow_schema.json")))
    def head = ["gfmtrust ${workflow.manifest.version}, run ${workflow.runName}",
        "  device   ${values.device} (requested)",
        "  models   ${names.join(', ')}",
        "  views    ${values.views} (passes per site and model: fast 1, default 2, thorough 7, or 13 for 6-mers; causal models 4 times as many)",
        "  regions  ${counted(regions.size(), 'BED')}",
        "  profile  ${workflow.profile}",
        "  work     ${workflow.workDir}",
        "parameters that are not at their default"]
    return (head + changed.collect { name, value -> "  --${name} ${value}" }).join('\n')
}

/** Writes every parameter of the run to pipeline_info. */
def writeParameters(values, outdir, suffix) {
    def path = file("${outdir}/pipeline_info/params_${suffix}.json", glob: false)
    path.parent.mkdirs()
    path.text = groovy.json.JsonOutput.prettyPrint(groovy.json.JsonOutput.toJson(values.collectEntries { name, value -> [name, value] }.sort())) + '\n'
}

/** Where things are, printed at the end; nothing is claimed of a run that failed. */
def endText(dry_run, outdir, kind) {
    if (!workflow.success) {
        return failureText(workflow.errorReport ?: workflow.errorMessage ?: '', outdir)
    }
    if (dry_run) {
        return 'gfmtrust: dry run, nothing was scored; run again without --dry_run'
    }
    if (kind == 'table') {
        def next = file("${outdir}/score_store", glob: false).exists()
            ? "give --score_store ${outdir}/score_store to a run with another --outdir"
            : 'no base has an answer, as where the regions are N: there is no score store'
        return ["gfmtrust: done in ${workflow.duration}", "  tables     ${outdir}/precomputed/<model>.tsv.gz", "  next       ${next}"].join('\n')
    }
    def manifest = readManifest(outdir)
    def annotated = manifest.annotated ?: []
    def best = annotated.findAll { entry -> entry.kind == 'vcf' }.max { entry -> (entry.ranks.HIGH ?: 0) + (entry.ranks.MEDIUM ?: 0) }
    def certified = best && ((best.ranks.HIGH ?: 0) + (best.ranks.MEDIUM ?: 0)) > 0
    def files = kind == 'bed'
        ? ["  BEDs       ${outdir}/regions/<name>.gfm.bed.gz", "  tracks     ${outdir}/tracks/igv_session.xml"]
        : ["  VCFs       ${outdir}/annotated/<sample>/<id>.gfm.vcf.gz"]
    def next = kind == 'bed' ? [] : certified
        ? ["  next       bcftools norm -m- ${publishedVcf(outdir, best)} | bcftools view -i 'GFM_RANK>=2'"]
        : ["  next       no allele is MEDIUM or better: the report gives the reason, and docs/start/usage.md (last section) explains it"]
    def cached = workflow.stats.cachedCount ? ", ${workflow.stats.cachedCount} of ${workflow.stats.cachedCount + workflow.stats.succeedCount} tasks from an earlier run" : ''
    return (["gfmtrust: done in ${workflow.duration}${cached}",
        "  ${kind == 'bed' ? 'regions' : 'alleles'}    ${rankCounts(annotated, kind)}",
        "  report     ${outdir}/report/gfmtrust_report.html (start here)"] + labelLines(manifest.labels_verdict ?: []) + files + next + leftovers(outdir, annotated)).join('\n')
}

/**
 * A failed task's own line once more, with its code and its work directory; of any other failure the first line.
 *
 * report: Nextflow's report of the error   e.g. "Error executing process > 'GFMTRUST:CHECK_INPUTS (genome)'\n\nCaused by: ..."
 */
def failureText(report, outdir) {
    def lines = report.readLines().collect { line -> line.trim() }.findAll { line -> line }
    def task = report.find(/(?<=Error executing process > ')[^']+/)
    def own = lines.findAll { line -> line.startsWith('gfmtrust: ') }.collect { line -> line - 'gfmtrust: ' }
    // the faults of a samplesheet are lines of their own; of other tasks the last line is the error
    def shown_lines = task?.contains('READ_SHEET') ? own : own.takeRight(1)
    def said = own ? shown_lines.join("\n  ") : lineAfter(lines, 'Caused by:') ?: (lines ? lines.first() : 'no message; see .nextflow.log')
    def code = lineAfter(lines, 'Command exit status:')
    def cause = code == '137' ? ' (killed, most often for lack of memory)' : ''
    def place = task ? " at ${task.replaceFirst(/^(\w+:)+/, '')}${code ? ", exit ${code}${cause}" : ''}" : ''
    def work = lineAfter(lines, 'Work dir:')
    def next = "  next       remove the cause and run the same command again with -resume; the files in ${outdir} are incomplete"
    return (["gfmtrust: stopped${place}", "  ${said}"] + (work ? ["  work dir   ${work}"] : []) + [next]).join('\n')
}

/** The line that follows a heading, null where there is none. */
def lineAfter(lines, heading) {
    return lines.dropWhile { line -> line != heading }.drop(1).find { _line -> true }
}

/** manifest.json, which REPORT wrote: the annotated files with their counts, and what the labels say. */
def readManifest(outdir) {
    return new groovy.json.JsonSlurper().parseText(file("${outdir}/pipeline_info/manifest.json", glob: false).text)
}

/** What the labels of --labels say of the run, a line for each sentence; none without labels. */
def labelLines(verdict) {
    return verdict.withIndex().collect { sentence, i -> "  ${i ? '      ' : 'labels'}     ${sentence}" }
}

/** The published VCF of an entry: its id is <sample>, or <sample>.<vcf_id>, so its folder is looked up. */
def publishedVcf(outdir, entry) {
    def vcf = annotatedVcfs(outdir).find { path -> path.name == "${entry.id}.gfm.vcf.gz".toString() }
    return vcf ? "${outdir}/annotated/${vcf.parent.name}/${vcf.name}" : "${entry.id}.gfm.vcf.gz"
}

/** The annotated VCFs in a results folder, <outdir>/annotated/<sample>/<id>.gfm.vcf.gz, in order of name. */
def annotatedVcfs(outdir) {
    return listed(file("${outdir}/annotated", glob: false)).collectMany { folder -> listed(folder) }.findAll { path -> path.name.endsWith('.gfm.vcf.gz') }
}

/** What lies in a folder, in order of name; nothing where there is no such folder. No pattern: the name of --outdir may hold brackets. */
def listed(folder) {
    return folder.isDirectory() ? folder.listFiles().toList().sort { path -> path.name } : []
}

/** 'HIGH 12, MEDIUM 40, LOW 900, not scored 3': alleles of all VCFs or lines of all BEDs. */
def rankCounts(annotated, kind) {
    def ranks = annotated.findAll { entry -> entry.kind == kind }.collect { entry -> entry.ranks }
    return ['HIGH', 'MEDIUM', 'LOW', 'NOT_SCORED']
        .collect { rank -> "${rank == 'NOT_SCORED' ? 'not scored' : rank} ${thousands(ranks.collect { counts -> counts[rank] ?: 0 }.sum())}" }
        .join(', ')
}

/** A line that names annotated files of an earlier run that lie in the same outdir; none where there are none. */
def leftovers(outdir, annotated) {
    def made = annotated.collect { entry -> "${entry.id}.gfm.${entry.kind}".toString() }
    def results = annotatedVcfs(outdir) + listed(file("${outdir}/regions", glob: false)).findAll { path -> path.name.endsWith('.gfm.bed.gz') }
    def old = results.collect { path -> path.name }.findAll { name -> !((name - '.gz') in made) }.unique().sort()
    return old ? ["  left over  ${old.take(5).join(', ')}${old.size() > 5 ? " and ${old.size() - 5} more" : ''}: these files are of an earlier run, not of this one"] : []
}
