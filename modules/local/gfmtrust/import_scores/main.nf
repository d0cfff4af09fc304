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
    def map_option = contig_map_file ? "--contig_map ${contig_map_file}" : "--contig_map \"${contig_map}\""
    """
    gfmtrust import_scores \\
        --scores ${scores} \\
        --model_id "${meta.id}" \\
        --fasta ${fasta} \\
        --external_key "${key}" ${map_option} \\
        --out_dir bundles \\
        ${args}
    """

    stub:
    """
    mkdir -p "bundles/${meta.id}"
    echo '{}' > "bundles/${meta.id}/bundle.json"
    """
}
