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
    def name = named(meta.id)
    // a folder of weights or a bundle, else a name of the registry (gfmtrust models) or a repository of the hub at a commit
    def model = weights ? "${weights}" : quoted(meta['model'])
    """
    gfmtrust export_model \\
        --model ${model} \\
        --model_id "${name}" \\
        --fasta ${fasta} \\
        --out_dir . \\
        ${args}
    """

    stub:
    def name = named(meta.id)
    """
    mkdir "${name}"
    echo '{}' > "${name}/bundle.json"
    touch "${name}/model.onnx"
    """
}

/** The text as one word of a shell, whatever it holds. */
def quoted(text) {
    return "'" + text.toString().replace("'", "'\\''") + "'"
}

/** The name, where it can stand in a shell and as a file. */
def named(name) {
    if (!(name.toString() ==~ /[A-Za-z0-9][A-Za-z0-9_.-]{0,127}/)) {
        error("id '${name}'; expected [A-Za-z0-9][A-Za-z0-9_.-]{0,127}; rename it")
    }
    return name
}
