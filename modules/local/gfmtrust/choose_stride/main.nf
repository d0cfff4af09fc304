include { quoted } from '../../shell'

process CHOOSE_STRIDE {
    tag "${meta.id}"
    label 'process_medium'
    label 'process_gpu'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(bundle, stageAs: 'bundles/*')
    tuple val(meta2), path(fasta), path(fai)
    tuple val(meta3), path(plan)
    val views
    val region_stride
    val code

    output:
    tuple val(meta), path('*.stride.json'), emit: stride
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    // device and limits come by ext.args: they belong to the task's hash (conf/modules.config)
    def args = task.ext.args ?: ''
    def stride_file = quoted("${meta.id}.stride.json")
    """
    gfmtrust choose_stride \\
        --fasta ${fasta} \\
        --bundle ${bundle} \\
        --plan ${plan} \\
        --views ${quoted(views)} \\
        --region_stride ${quoted(region_stride)} \\
        --cpus ${task.cpus} \\
        --out ${stride_file} \\
        ${args}
    """

    stub:
    def stride_file = quoted("${meta.id}.stride.json")
    """
    echo '{}' > ${stride_file}
    """
}
