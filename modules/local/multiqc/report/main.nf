include { quoted } from '../../shell'

process MULTIQC {
    tag "${meta.id}"
    label 'process_single'

    conda "${projectDir}/containers/multiqc.environment.yml"
    container 'gfmtrust/multiqc:0.1.0'

    input:
    tuple val(meta), path(tables, stageAs: 'tables/*')
    tuple val(meta2), path(configs, stageAs: 'configs/?/*')
    val title

    output:
    tuple val(meta), path('multiqc_report.html'), emit: html
    tuple val(meta), path('multiqc_report_data'), emit: data
    // no topic: this process reads the topic and would wait for itself
    tuple val("${task.process}"), val('multiqc'), eval("multiqc --version 2>/dev/null | sed 's/.* //'"), emit: versions_multiqc

    script:
    def args = task.ext.args ?: ''
    def config_options = [configs].flatten().collect { config -> "--config ${config}" }.join(' ')
    """
    multiqc \\
        --force --no-ansi \\
        --filename multiqc_report.html \\
        --title ${quoted(title)} \\
        ${config_options} \\
        ${args} \\
        tables
    """

    stub:
    """
    mkdir multiqc_report_data
    touch multiqc_report_data/multiqc_data.json
    echo '<html></html>' > multiqc_report.html
    """
}
