process IMPORT_SCORES {
    tag "${meta.id}"
    label 'process_low'

    conda "${moduleDir}/environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(scores, stageAs: 'scores/*')
    tuple val(meta2), path(fasta), path(fai)
    tuple val(contig_map), path(contig_map_file, stageAs: 'contig_map/*')
    val key
    val code

    output:
    tuple val(meta), path("bundles/${meta.id}"), emit: bundle
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    def name = named(meta.id)
    def map_option = contig_map_file ? "--contig_map ${contig_map_file}" : "--contig_map ${quoted(contig_map)}"
    """
    gfmtrust import_scores \\
        --scores ${scores} \\
        --model_id "${name}" \\
        --fasta ${fasta} \\
        --external_key ${quoted(key)} ${map_option} \\
        --out_dir bundles \\
        ${args}
    """

    stub:
    def name = named(meta.id)
    """
    mkdir -p "bundles/${name}"
    echo '{}' > "bundles/${name}/bundle.json"
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
