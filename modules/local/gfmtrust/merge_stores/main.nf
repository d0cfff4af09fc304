process MERGE_STORES {
    tag "${meta.id}"
    label 'process_low'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(new_rows, stageAs: 'rows/?/*')
    tuple val(meta2), path(score_store, stageAs: 'stores/*')
    val code

    output:
    tuple val(meta), path('score_store'), emit: store
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    def args = task.ext.args ?: ''
    """
    gfmtrust merge_stores \\
        --stores ${score_store} ${new_rows} \\
        --out_dir score_store \\
        ${args}
    """

    stub:
    """
    mkdir score_store
    """
}
