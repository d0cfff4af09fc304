include { quoted } from '../../shell'

process CALIBRATE {
    tag "${meta.id}"
    label 'process_low'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(plan)
    tuple val(meta2), path(scores, stageAs: 'scores/*')
    tuple val(meta3), path(models, stageAs: 'models/?/*')
    tuple val(meta4), path(frozen, stageAs: 'frozen/*')
    tuple val(meta5), path(labels, stageAs: 'labels/*')
    tuple val(meta6), path(background_vcf, stageAs: 'background/*')
    val seed
    val looks
    val code

    output:
    tuple val(meta), path('calibration'), emit: calibration
    tuple val(meta), path('calibration/calibration.json'), emit: json
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    // alpha and delta come by ext.args (conf/modules.config)
    def args = task.ext.args ?: ''
    def labels_option = labels ? "--labels ${labels}" : ''
    def background_option = background_vcf ? "--background_vcf ${background_vcf}" : ''
    def frozen_option = frozen ? "--calibration ${frozen}" : ''
    """
    gfmtrust calibrate \\
        --plan ${plan} \\
        --scores scores \\
        --models ${models} \\
        ${frozen_option} ${labels_option} ${background_option} \\
        --seed ${quoted(seed)} \\
        --looks ${quoted(looks)} \\
        --out_dir calibration \\
        ${args}
    """

    stub:
    """
    mkdir calibration
    echo '{}' > calibration/calibration.json
    touch calibration/probes.scored.parquet calibration/background.parquet calibration/model_ranks.parquet
    """
}
