#!/usr/bin/env nextflow
//
// Test only: runs the pipeline's own checks over many cases in one start of Nextflow.
// --cases: JSON of {parameters: [{...}, ...], cells: [{column: ..., value: ...}, ...], sheets: [file, ...]}
//

include { readSchema; parameterErrors; parameterDefinitions; valueErrors } from '../../subworkflows/local/utils_gfmtrust_pipeline/schema'
include { readSamplesheet                                                 } from '../../subworkflows/local/utils_gfmtrust_pipeline/samplesheet'

workflow {
    def schema = readSchema(file("${projectDir}/../../nextflow_schema.json"))
    def sheet_schema = readSchema(file("${projectDir}/../../assets/schema_input.json"))
    def cases = new groovy.json.JsonSlurper().parse(file(params.cases).toFile())
    def verdicts = [
        parameters: cases.parameters.collect { values -> parameterErrors(values, schema) },
        cells: cases.cells.collect { cell -> valueErrors(cell.value, sheet_schema.items.properties[cell.column]) },
        sheets: cases.sheets.collect { path -> readSamplesheet(file(path), sheet_schema, workflow.launchDir) }
            .collect { sheet -> [errors: sheet.errors, warnings: sheet.warnings, entries: sheet.entries.collect { meta, vcf -> [meta, vcf.toString()] }] },
    ]
    file(params.verdicts).text = groovy.json.JsonOutput.toJson(verdicts)
}
