#!/usr/bin/env nextflow
//
// gfmtrust: how far a genomic foundation model can be trusted at each variant and in each region.
//

include { GFMTRUST           } from './workflows/gfmtrust'
include { informationText    } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { checkParameters    } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { samplesheetEntries } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { regionEntries      } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { modelEntries       } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { externalEntries    } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { inputPath          } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { optionalPath       } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { packageDigest      } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { looksAtHalfB       } from './subworkflows/local/utils_gfmtrust_pipeline/run'
include { startText          } from './subworkflows/local/utils_gfmtrust_pipeline/summary'
include { endText            } from './subworkflows/local/utils_gfmtrust_pipeline/summary'
include { writeParameters    } from './subworkflows/local/utils_gfmtrust_pipeline/summary'

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
        def samples = params.regions_only ? [] : samplesheetEntries(params.input)
        def regions = regionEntries(params.regions)
        def models = modelEntries(params.models)
        def external = externalEntries(params.external_scores, models)
        def map_mode = params.contig_map in ['none', 'auto'] ? params.contig_map : 'file'
        def fasta = inputPath('fasta', params.fasta)
        log.info(startText(params, samples, regions, models + external))
        writeParameters(params, params.outdir, params.trace_report_suffix)

        def dry_run = params.dry_run
        def outdir = params.outdir
        def kind = params.regions_only ? 'bed' : 'vcf'
        workflow.onComplete {
            log.info(endText(dry_run, outdir, kind))
        }

        GFMTRUST(
            samples,
            regions,
            models,
            external,
            fasta,
            optionalPath('background_fasta', params.background_fasta),
            optionalPath('include', params.include),
            [map_mode, map_mode == 'file' ? inputPath('contig_map', params.contig_map) : []],
            optionalPath('context_model', params.context_model),
            optionalPath('calibration', params.calibration),
            optionalPath('labels', params.labels),
            optionalPath('multiqc_config', params.multiqc_config),
            looksAtHalfB(params),
            packageDigest(),
        )
    }
}
