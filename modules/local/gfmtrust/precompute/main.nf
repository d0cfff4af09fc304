include { quoted } from '../../shell'

process PRECOMPUTE {
    tag "${meta.id}:${meta.part}"
    label 'process_medium'
    label 'process_gpu'
    label 'precompute'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(bundle, stageAs: 'bundles/*')
    tuple val(meta2), path(fasta), path(fai)
    tuple val(meta3), path(beds, stageAs: 'regions/*')
    tuple val(meta4), path(score_store, stageAs: 'stores/*')
    tuple val(contig_map), path(contig_map_file, stageAs: 'contig_map/*')
    val views
    val neighbours
    val code

    output:
    tuple val(meta), path('tables/*.tsv.gz'), emit: table
    tuple val(meta), path('new_rows'), optional: true, emit: new_rows
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    // device and limits come by ext.args: they belong to the task's hash (conf/modules.config)
    def args = task.ext.args ?: ''
    def map_option = contig_map_file ? "--contig_map ${contig_map_file}" : "--contig_map ${quoted(contig_map)}"
    def regions_option = beds ? "--regions ${beds}" : ''
    def store = score_store ?: 'empty_store'
    """
    mkdir -p tables empty_store
    gfmtrust precompute \\
        --fasta ${fasta} \\
        --bundle ${bundle} ${regions_option} ${map_option} \\
        --score_store ${store} \\
        --new_rows new_rows \\
        --views ${quoted(views)} \\
        --neighbours ${quoted(neighbours)} \\
        --part ${quoted(meta.part)}/${quoted(meta.parts)} \\
        --cpus ${task.cpus} \\
        --out tables/${quoted(meta.id)}.${quoted(meta.part)}.tsv.gz \\
        ${args}
    """

    stub:
    """
    mkdir tables new_rows
    echo "" | gzip > tables/${quoted(meta.id)}.${quoted(meta.part)}.tsv.gz
    """
}
