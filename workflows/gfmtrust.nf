//
// A run of the pipeline: the subworkflow that other pipelines install, with its progress in the log and MultiQC behind it.
//

include { READ_SHEET       } from '../modules/local/gfmtrust/read_sheet/main'
include { VCF_ANNOTATE_GFM } from '../subworkflows/local/vcf_annotate_gfm/main'
include { MULTIQC          } from '../modules/local/multiqc/report/main'
include { logProgress      } from '../subworkflows/local/utils_gfmtrust_pipeline/progress'
include { planText         } from '../subworkflows/local/utils_gfmtrust_pipeline/progress'
include { contentOf        } from '../subworkflows/local/utils_gfmtrust_pipeline/json'
include { damageText       } from '../subworkflows/local/utils_gfmtrust_pipeline/json'
include { sheetEntries     } from '../subworkflows/local/utils_gfmtrust_pipeline/samplesheet'
include { loggedEntries    } from '../subworkflows/local/utils_gfmtrust_pipeline/samplesheet'
include { errorText        } from '../subworkflows/local/utils_gfmtrust_pipeline/words'

workflow GFMTRUST {
    take:
    sheet           // [file, schema, folders]     see sheetInput; [] where there are no VCFs
    models          // list of [meta, folder|[]]   e.g. [[[id: 'gpn-demo-1', order: 1, digest: '4f...'], gpn-demo-1], ...], as given
    fasta           // file                        e.g. GRCh38.fa
    options         // map                         see annotationOptions of VCF_ANNOTATE_GFM
    multiqc_configs // list of files               the last one wins
    outdir          // text                        where the software versions are written

    main:
    def cohort = [id: 'cohort']
    // always called, with or without a sheet: Nextflow 25.04 numbers `eval` outputs in the order of the calls, which enters the hash of tasks
    def (table, schema, folders) = sheet ?: [[], [], []]
    read = READ_SHEET(channel.fromList(table ? [[[id: table.name], table]] : []), [cohort, schema], folders, options.code)
    ch_vcf = read.table.flatMap { _meta, path ->
        def content = contentOf(path)
        def rows = content == null ? [errors: [damageText(path)]] : sheetEntries(content)
        rows.errors ? error(errorText(rows.errors)) : loggedEntries(rows)
    }
    run = VCF_ANNOTATE_GFM(ch_vcf, channel.value([[id: fasta.simpleName], fasta]), channel.fromList(models), options)
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
