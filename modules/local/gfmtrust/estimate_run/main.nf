include { quoted } from '../../shell'

process ESTIMATE_RUN {
    tag "${meta.id}"
    label 'process_low'
    label 'process_gpu'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(plan)
    tuple val(meta2), path(bundles, stageAs: 'bundles/*')
    val views
    val neighbours
    val region_stride
    val code

    output:
    tuple val(meta), path('estimate.json'), emit: estimate
    tuple val(meta), path('estimate.txt'), emit: table
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    // device and limits come by ext.args: they belong to the task's hash (conf/modules.config)
    def args = task.ext.args ?: ''
    """
    gfmtrust estimate_run \\
        --plan ${plan} \\
        --bundles ${bundles} \\
        --views ${quoted(views)} \\
        --neighbours ${quoted(neighbours)} \\
        --region_stride ${quoted(region_stride)} \\
        --cpus ${task.cpus} \\
        --out estimate.json \\
        ${args} > estimate.txt
    """

    stub:
    """
    echo '{}' > estimate.json
    echo 'estimate: stub' > estimate.txt
    """
}
