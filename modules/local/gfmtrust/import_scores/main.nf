include { quoted } from '../../shell'

process IMPORT_SCORES {
    tag "${meta.id}"
    label 'process_low'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(scores, stageAs: 'scores/*'), path(index, stageAs: 'scores/*')
    tuple val(meta2), path(fasta), path(fai)
    tuple val(contig_map), path(contig_map_file, stageAs: 'contig_map/*')
    val key
    val code

    output:
    tuple val(meta), path("bundles/${meta.id}"), emit: bundle
    tuple val(meta), path("bundles/${meta.id}/bundle.json"), emit: facts
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    def args = task.ext.args ?: ''
    def name = quoted(meta.id)
    def map_option = contig_map_file ? "--contig_map ${contig_map_file}" : "--contig_map ${quoted(contig_map)}"
    """
    gfmtrust import_scores \\
        --scores ${scores} \\
        --model_id ${name} \\
        --fasta ${fasta} \\
        --external_key ${quoted(key)} ${map_option} \\
        --external_columns ${quoted(meta['layout'] ?: '')} \\
        --out_dir bundles \\
        ${args}
    """

    stub:
    def name = quoted(meta.id)
    """
    mkdir -p bundles/${name}
    echo '{}' > bundles/${name}/bundle.json
    """
}
