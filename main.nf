#!/usr/bin/env nextflow
//
// gfmtrust: how far a genomic foundation model can be trusted at each variant and in each region.
//

include { GFMTRUST         } from './workflows/gfmtrust'
include { informationText  } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { checkParameters  } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { samplesheetOf    } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { modelEntries     } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { annotationInputs } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { inputPath        } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { multiqcConfigs   } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { takeLock         } from './subworkflows/local/utils_gfmtrust_pipeline/lock'
include { startText        } from './subworkflows/local/utils_gfmtrust_pipeline/summary'
include { endText          } from './subworkflows/local/utils_gfmtrust_pipeline/summary'
include { writeParameters  } from './subworkflows/local/utils_gfmtrust_pipeline/summary'

workflow {
    main:
    def information = informationText(params)
    if (information) {
        println(information)
    }
    else {
        if (params.validate_params) {
            checkParameters(params)
        }
        def sheet = samplesheetOf(params)
        def models = modelEntries(params.models)
        def options = annotationInputs(params, models)
        def fasta = inputPath('fasta', params.fasta)
        takeLock(params.outdir, workflow.runName)
        log.info(startText(params, options.regions, ['context_model'] + (models + options.external_scores).collect { entry -> entry[0].id }))
        writeParameters(params, params.outdir, params.trace_report_suffix)

        def dry_run = params.dry_run
        def outdir = params.outdir
        def kind = params.regions_only ? 'bed' : 'vcf'
        workflow.onComplete {
            log.info(endText(dry_run, outdir, kind))
        }

        GFMTRUST(sheet, models, fasta, options, multiqcConfigs(params), params.outdir)
    }
}
