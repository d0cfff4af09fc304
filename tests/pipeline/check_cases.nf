#!/usr/bin/env nextflow
//
// Test only: runs the pipeline's own checks over many cases in one start of Nextflow.
// --cases: JSON of {parameters: [{...}, ...], beds: [name, ...], tables: [samplesheet.json, ...], stops: [[parameter, value], ...], inputs: [{...}, ...],
//          models: [[meta, folder], ...], rows: [[[[meta, folder], ...], store], ...]}
//

include { readSchema; parameterErrors } from '../../subworkflows/local/utils_gfmtrust_pipeline/schema'
include { contentOf; damageText       } from '../../subworkflows/local/utils_gfmtrust_pipeline/json'
include { sheetEntries                } from '../../subworkflows/local/utils_gfmtrust_pipeline/samplesheet'
include { nameOfBed                   } from '../../subworkflows/local/utils_gfmtrust_pipeline/run'
include { modelEntries                } from '../../subworkflows/local/utils_gfmtrust_pipeline/run'
include { externalEntries             } from '../../subworkflows/local/utils_gfmtrust_pipeline/run'
include { inputPath                   } from '../../subworkflows/local/utils_gfmtrust_pipeline/run'
include { inputErrors                 } from '../../subworkflows/local/utils_gfmtrust_pipeline/run'
include { storeEntry                  } from '../../subworkflows/local/utils_gfmtrust_pipeline/run'
include { inModelOrder                } from '../../subworkflows/local/vcf_annotate_gfm/inputs'
include { indexedPopulation           } from '../../subworkflows/local/vcf_annotate_gfm/inputs'
include { rowsToJoin                  } from '../../subworkflows/local/precompute_scores/inputs'
include { isName                      } from '../../modules/local/shell'

/** What the run ends with where a parameter leads nowhere; '' where it goes on. */
def stopText(name, value) {
    try {
        if (name == 'models') {
            modelEntries(value)
        }
        else if (name == 'external_scores') {
            externalEntries(value, '', [])
        }
        else if (name == 'score_store') {
            storeEntry([score_store: value, outdir: 'out'])
        }
        else if (name == 'population_vcf') {
            indexedPopulation(inputPath(name, value))
        }
        else if (name == 'a file of a task') {
            return contentOf(file(value)) == null ? damageText(file(value)) : ''
        }
        else {
            inputPath(name, value)
        }
    }
    catch (Exception stop) {
        return stop.message ?: stop.cause.message
    }
    return ''
}

workflow {
    def schema = readSchema(file("${projectDir}/../../nextflow_schema.json"))
    def cases = new groovy.json.JsonSlurper().parse(file(params.cases).toFile())
    def verdicts = [
        parameters: cases.parameters.collect { values -> parameterErrors(values, schema) },
        beds: cases.beds.collect { name -> nameOfBed(file("/d/${name}", glob: false)) }.collect { name -> [name, isName(name)] },
        tables: cases.tables.collect { path -> sheetEntries(contentOf(file(path))) }
            .collect { sheet -> [errors: sheet.errors, warnings: sheet.warnings, entries: sheet.entries.collect { meta, vcf -> [meta, vcf.toUriString()] }] },
        stops: cases.stops.collect { name, value -> stopText(name, value) },
        inputs: cases.inputs.collect { values -> inputErrors(values, schema) },
        models: inModelOrder(cases.models),
        rows: cases.rows.collect { pairs, store -> rowsToJoin(pairs, store) },
    ]
    file(params.verdicts).text = groovy.json.JsonOutput.toJson(verdicts)
}
