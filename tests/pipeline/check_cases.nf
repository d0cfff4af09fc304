#!/usr/bin/env nextflow
//
// Test only: runs the pipeline's own checks over many cases in one start of Nextflow.
// --cases: JSON of {parameters: [{...}, ...], beds: [name, ...], tables: [samplesheet.json, ...]}
//

include { readSchema; parameterErrors } from '../../subworkflows/local/utils_gfmtrust_pipeline/schema'
include { sheetEntries                } from '../../subworkflows/local/utils_gfmtrust_pipeline/samplesheet'
include { nameOfBed                   } from '../../subworkflows/local/utils_gfmtrust_pipeline/run'
include { isName                      } from '../../modules/local/shell'

workflow {
    def schema = readSchema(file("${projectDir}/../../nextflow_schema.json"))
    def cases = new groovy.json.JsonSlurper().parse(file(params.cases).toFile())
    def verdicts = [
        parameters: cases.parameters.collect { values -> parameterErrors(values, schema) },
        beds: cases.beds.collect { name -> nameOfBed(file("/d/${name}", glob: false)) }.collect { name -> [name, isName(name)] },
        tables: cases.tables.collect { path -> sheetEntries(file(path)) }
            .collect { sheet -> [errors: sheet.errors, warnings: sheet.warnings, entries: sheet.entries.collect { meta, vcf -> [meta, vcf.toUriString()] }] },
    ]
    file(params.verdicts).text = groovy.json.JsonOutput.toJson(verdicts)
}
