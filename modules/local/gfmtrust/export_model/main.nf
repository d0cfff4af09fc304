process EXPORT_MODEL {
    tag "${meta.id}"
    label 'process_low'

    conda "${moduleDir}/environment.yml"
    container 'gfmtrust/export:0.1.0'

    input:
    tuple val(meta), path(weights, stageAs: 'weights/*')
    tuple val(meta2), path(fasta), path(fai)
    val code

    output:
    tuple val(meta), path("${meta.id}"), emit: bundle
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    // a folder of weights or a bundle, else a name of the registry (assets/models.csv) or a repository of the hub at a commit
    def model = weights ? "${weights}" : "\"${meta.model}\""
    """
    gfmtrust export_model \\
        --model ${model} \\
        --model_id "${meta.id}" \\
        --fasta ${fasta} \\
        --out_dir . \\
        ${args}
    """

    stub:
    """
    mkdir "${meta.id}"
    echo '{}' > "${meta.id}/bundle.json"
    touch "${meta.id}/model.onnx"
    """
}
