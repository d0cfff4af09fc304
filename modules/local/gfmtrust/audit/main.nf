include { quoted } from '../../shell'

process AUDIT {
    tag "${meta.id}"
    label 'process_medium'
    label 'process_gpu'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(bundles, stageAs: 'bundles/*')
    tuple val(meta2), path(fasta), path(fai)
    val seed
    val code

    output:
    tuple val(meta), path('audit'), emit: audit
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    // device and limits come by ext.args: they belong to the task's hash (conf/modules.config)
    def args = task.ext.args ?: ''
    """
    gfmtrust audit all \\
        --fasta ${fasta} \\
        --bundles ${bundles} \\
        --seed ${quoted(seed)} \\
        --cpus ${task.cpus} \\
        --skip_unfit \\
        --out_dir audit \\
        ${args}
    """

    stub:
    """
    mkdir audit
    echo '<html></html>' > audit/league.html
    """
}
