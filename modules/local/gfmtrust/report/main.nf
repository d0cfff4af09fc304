include { quoted } from '../../shell'

process REPORT {
    tag "${meta.id}"
    label 'process_low'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(checked), path(plan), path(calibration), path(sites)
    tuple val(meta2), path(vcf_counts, stageAs: 'counts/vcf/*')
    tuple val(meta3), path(bed_counts, stageAs: 'counts/bed/*')
    tuple val(meta4), path(metrics, stageAs: 'metrics/*')
    tuple val(meta5), path(models, stageAs: 'models/?/*')
    tuple val(meta6), path(benchmark)
    tuple val(meta7), path(audit)
    tuple val(meta8), path(tracks, stageAs: 'tracks/*')
    val title
    val code

    output:
    tuple val(meta), path('report/gfmtrust_report.html'), emit: html
    tuple val(meta), path('report/manifest.json'), emit: manifest
    tuple val(meta), path('report/*_mqc.*', arity: '0..*'), emit: multiqc_tables
    tuple val(meta), val("${task.process}"), val('gfmtrust'), path('report/*_mqc.*', arity: '0..*'), emit: multiqc_files, topic: multiqc_files
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    def args = task.ext.args ?: ''
    def benchmark_option = benchmark ? "--benchmark ${benchmark}" : ''
    def audit_option = audit ? "--audit ${audit}" : ''
    def tracks_option = tracks ? 'tracks/*' : ''
    """
    gfmtrust report \\
        --checked ${checked} \\
        --plan ${plan} \\
        --calibration ${calibration} \\
        --sites ${sites} \\
        --counts counts/*/*.json \\
        --metrics metrics/*.json \\
        --models ${models} \\
        --tracks ${tracks_option} \\
        ${benchmark_option} ${audit_option} \\
        --title ${quoted(title)} \\
        --out_dir report \\
        ${args}
    """

    stub:
    """
    mkdir report
    echo '<html></html>' > report/gfmtrust_report.html
    echo '{}' > report/manifest.json
    """
}
