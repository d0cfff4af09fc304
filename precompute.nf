#!/usr/bin/env nextflow
//
// nextflow run precompute.nf: the answers of models at every base of --regions, or of the whole genome, for the score store
// and one table per model. It is a script of its own because the strict parser of Nextflow 25.04 includes no module in two workflows.
//

include { PRECOMPUTE_SCORES } from './subworkflows/local/precompute_scores/main'
include { informationText   } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { checkParameters   } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { modelEntries      } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { annotationInputs  } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { inputPath         } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { takeLock          } from './subworkflows/local/utils_gfmtrust_pipeline/lock'
include { startText         } from './subworkflows/local/utils_gfmtrust_pipeline/summary'
include { endText           } from './subworkflows/local/utils_gfmtrust_pipeline/summary'
include { writeParameters   } from './subworkflows/local/utils_gfmtrust_pipeline/summary'

workflow {
    main:
    def information = informationText(params)
    if (information) {
        println(information)
    }
    else {
        def values = params + [precompute: true]
        if (params.validate_params) {
            checkParameters(values)
        }
        def models = modelEntries(params.models)
        def options = annotationInputs(params, models)
        def fasta = inputPath('fasta', params.fasta)
        takeLock(params.outdir, workflow.runName)
        log.info(startText(params, options.regions, models.collect { entry -> entry[0].id }))
        writeParameters(params, params.outdir, params.trace_report_suffix)

        def outdir = params.outdir
        workflow.onComplete {
            log.info(endText(false, outdir, 'table'))
        }
        PRECOMPUTE_SCORES(channel.value([[id: fasta.simpleName], fasta]), channel.fromList(models), options, params.precompute_parts)
    }
}
