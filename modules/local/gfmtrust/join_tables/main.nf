include { quoted } from '../../shell'

process JOIN_TABLES {
    tag "${meta.id}"
    label 'process_low'
    label 'join_tables'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(tables, stageAs: 'parts/?/*')
    tuple val(meta2), path(fasta), path(fai)
    val code

    output:
    tuple val(meta), path("${meta.id}.tsv.gz"), emit: table
    tuple val(meta), path("${meta.id}.tsv.gz.{tbi,csi}"), emit: index
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    def args = task.ext.args ?: ''
    """
    gfmtrust join_tables \\
        --fasta ${fasta} \\
        --tables ${tables} \\
        --out ${quoted(meta.id)}.tsv.gz \\
        ${args}
    """

    stub:
    """
    touch ${quoted(meta.id)}.tsv.gz ${quoted(meta.id)}.tsv.gz.tbi
    """
}
