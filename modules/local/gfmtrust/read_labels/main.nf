include { quoted } from '../../shell'

process READ_LABELS {
    tag "${meta.id}"
    label 'process_low'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(labels, stageAs: 'labelled/*')
    tuple val(meta2), path(fasta), path(fai)
    tuple val(contig_map), path(contig_map_file, stageAs: 'contig_map/*')
    val key
    val words
    val cut
    val code

    output:
    tuple val(meta), path('labels.parquet'), emit: table
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    def args = task.ext.args ?: ''
    def map_option = contig_map_file ? "--contig_map ${contig_map_file}" : "--contig_map ${quoted(contig_map)}"
    def words_option = words ? "--label_values ${quoted(words)}" : ''
    def cut_option = cut ? "--label_cut ${quoted(cut)}" : ''
    """
    gfmtrust read_labels \\
        --fasta ${fasta} \\
        --labels ${labels} \\
        --label_key ${quoted(key)} ${words_option} ${cut_option} ${map_option} \\
        --out labels.parquet \\
        ${args}
    """

    stub:
    """
    touch labels.parquet
    """
}
