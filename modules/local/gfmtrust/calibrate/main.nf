process CALIBRATE {
    tag "${meta.id}"
    label 'process_low'

    conda "${moduleDir}/environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(plan)
    tuple val(meta2), path(scores, stageAs: 'scores/*')
    tuple val(meta3), path(bundles, stageAs: 'bundles/*')
    tuple val(meta4), path(frozen, stageAs: 'frozen/*')
    tuple val(meta5), path(labels, stageAs: 'labels/*')
    val seed
    val looks
    val code

    output:
    tuple val(meta), path('calibration'), emit: calibration
    tuple val(meta), path('calibration/calibration.json'), emit: json
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    // alpha and delta come by ext.args (conf/modules.config)
    def args = task.ext.args ?: ''
    def labels_option = labels ? "--labels ${labels}" : ''
    def frozen_option = frozen ? "--calibration ${frozen}" : ''
    """
    gfmtrust calibrate \\
        --plan ${plan} \\
        --scores scores \\
        --bundles ${bundles} \\
        ${frozen_option} ${labels_option} \\
        --seed ${quoted(seed)} \\
        --looks ${quoted(looks)} \\
        --out_dir calibration \\
        ${args}
    """

    stub:
    """
    mkdir calibration
    echo '{}' > calibration/calibration.json
    touch calibration/probes.scored.parquet
    """
}

/** The text as one word of a shell, whatever it holds. */
def quoted(text) {
    return "'" + text.toString().replace("'", "'\\''") + "'"
}
