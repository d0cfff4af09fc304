process ANNOTATE_SITES {
    tag "${meta.id}"
    label 'process_low'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(plan)
    tuple val(meta2), path(scores, stageAs: 'scores/*')
    tuple val(meta3), path(models, stageAs: 'models/?/*')
    tuple val(meta4), path(calibration)
    val code

    output:
    tuple val(meta), path('sites'), emit: sites
    tuple val(meta), path('sites/sites.parquet'), emit: alleles
    tuple val(meta), path('sites/bases.parquet'), emit: bases
    tuple val(meta), path('legend.json'), emit: legend
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    def args = task.ext.args ?: ''
    """
    gfmtrust annotate_sites \\
        --plan ${plan} \\
        --scores scores \\
        --models ${models} \\
        --calibration ${calibration}/calibration.json \\
        --background ${calibration}/background.parquet \\
        --ranks ${calibration}/model_ranks.parquet \\
        --out_dir sites \\
        ${args}
    # a file within a published folder is not published a second time
    cp sites/legend.json legend.json
    """

    stub:
    """
    mkdir sites
    touch legend.json sites/sites.parquet sites/bases.parquet sites/columns.txt sites/header.hdr sites/legend.json sites/sites.gfm.vcf.gz.tbi
    echo "" | gzip > sites/sites.gfm.vcf.gz
    """
}
