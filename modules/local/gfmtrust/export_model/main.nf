include { quoted } from '../../shell'

process EXPORT_MODEL {
    tag "${meta.id}"
    label 'process_low'

    conda "${projectDir}/containers/export.environment.yml"
    container 'gfmtrust/export:0.1.0'

    input:
    tuple val(meta), path(weights, stageAs: 'weights/*')
    tuple val(meta2), path(fasta), path(fai)
    val code

    output:
    // in a folder of its own: a model may be called weights, as the folder that it is staged in
    tuple val(meta), path("bundles/${meta.id}"), emit: bundle
    tuple val(meta), path("bundles/${meta.id}/bundle.json"), emit: facts
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    def args = task.ext.args ?: ''
    def name = quoted(meta.id)
    // a folder of weights or a bundle, else a name of the registry (gfmtrust models) or a repository of the hub at a commit
    def model = weights ? "${weights}" : quoted(meta['model'])
    """
    gfmtrust export_model \\
        --model ${model} \\
        --model_id ${name} \\
        --fasta ${fasta} \\
        --out_dir bundles \\
        ${args}
    """

    stub:
    def name = quoted(meta.id)
    """
    mkdir -p bundles/${name}
    echo '{}' > bundles/${name}/bundle.json
    touch bundles/${name}/model.onnx
    """
}
