//
// A run of the pipeline: the subworkflow that other pipelines install, with its progress in the log and MultiQC behind it.
//

include { VCF_ANNOTATE_GFM } from '../subworkflows/local/vcf_annotate_gfm/main'
include { MULTIQC          } from '../modules/local/multiqc/report/main'
include { logProgress      } from '../subworkflows/local/utils_gfmtrust_pipeline/progress'
include { planText         } from '../subworkflows/local/utils_gfmtrust_pipeline/progress'

workflow GFMTRUST {
    take:
    samples         // list of [meta, vcf]         e.g. [[[id: 'S1', sample: 'S1'], S1.vcf.gz], ...], sorted by id
    models          // list of [meta, folder|[]]   e.g. [[[id: 'gpn-demo-1', order: 1, digest: '4f...'], gpn-demo-1], ...], as given
    fasta           // file                        e.g. GRCh38.fa
    options         // map                         see annotationOptions of VCF_ANNOTATE_GFM
    multiqc_configs // list of files               the last one wins
    outdir          // text                        where the software versions are written

    main:
    def cohort = [id: 'cohort']
    run = VCF_ANNOTATE_GFM(channel.fromList(samples), channel.value([[id: fasta.simpleName], fasta]), channel.fromList(models), options)
    run.estimate.view()
    if (!options.dry_run) {
        def n_models = 1 + models.size() + options.external_scores.size()
        run.plan
            .combine(run.shards.count())
            .subscribe { _meta, plan, n_shards -> log.info(planText(plan, n_shards, n_models, options.views)) }
        def progress = [:]
        run.metrics
            .combine(run.shards.count())
            .subscribe { meta, metrics, n_shards -> logProgress(progress, meta.id, metrics, n_shards) }

        // one row per tool: process, tool, version
        ch_versions = channel.topic('versions')
            .unique()
            .map { process, tool, version -> "${process.tokenize(':').last()}:\n  ${tool}: ${version}\n" }
            .unique()
            .mix(channel.of("Workflow:\n  gfmtrust: ${workflow.manifest.version}\n  Nextflow: ${workflow.nextflow.version}\n".toString()))
            .collectFile(name: 'software_mqc_versions.yml', storeDir: "${outdir}/pipeline_info", sort: true)
        MULTIQC(
            run.multiqc_files.map { _meta, tables -> tables }.mix(ch_versions).collect().map { tables -> [cohort, tables] },
            [cohort, multiqc_configs],
            options.title,
        )
    }
}
