#!/usr/bin/env nextflow
//
// Test only: hostile texts as values of one module and to the guard of ids of another, which runs with --id.
// --folder: values.json, in.txt, sites.txt, calibration.txt; verdicts.json is written there.
//

include { FIT_CONTEXT_MODEL   } from '../../modules/local/gfmtrust/fit_context_model/main'
include { ANNOTATE_VCF      } from '../../modules/local/gfmtrust/annotate_vcf/main'
include { named             } from '../../modules/local/shell'

/** Whether the guard lets a name through. */
def isNamed(name) {
    try {
        return named(name) == name
    }
    catch (Exception _fault) {
        return false
    }
}

workflow {
    def values = new groovy.json.JsonSlurper().parse(file("${params.folder}/values.json").toFile())
    file("${params.folder}/verdicts.json").text = groovy.json.JsonOutput.toJson((values + [params.id]).collectEntries { value -> [value, isNamed(value)] })
    def input = file("${params.folder}/in.txt")
    FIT_CONTEXT_MODEL([[id: 'genome'], input, []], channel.fromList(values), '')
    ANNOTATE_VCF(
        [[id: params.id], input],
        [[id: 'cohort'], file("${params.folder}/sites.txt")],
        [[id: 'cohort'], file("${params.folder}/calibration.txt")],
        '',
    )
}
