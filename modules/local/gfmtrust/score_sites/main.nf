include { quoted } from '../../shell'

process SCORE_SITES {
    tag "${meta.id}:${meta.shard}"
    label 'process_medium'
    label 'process_gpu'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(bundle, stageAs: 'bundles/*'), path(stride, stageAs: 'strides/*'), path(shard, stageAs: 'shards/*'), path(table, stageAs: 'tables/*'), path(table_index, stageAs: 'tables/*')
    tuple val(meta2), path(fasta), path(fai)
    tuple val(meta3), path(score_store, stageAs: 'stores/*')
    val views
    val neighbours
    val code

    output:
    tuple val(meta), path('scores/*.parquet'), emit: scores
    tuple val(meta), path('scores/*.metrics.json'), emit: metrics
    tuple val(meta), path('new_rows'), optional: true, emit: new_rows
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    // device and limits come by ext.args: they belong to the task's hash (conf/modules.config)
    def args = task.ext.args ?: ''
    def table_option = table ? "--score_table ${table}" : ''
    def stride_option = stride ? "--stride ${stride}" : ''
    // the store is an input and stays as it is; what it lacks is an output of its own
    def store_option = score_store ? "--score_store ${score_store} --new_rows new_rows" : ''
    """
    gfmtrust score_sites \\
        --fasta ${fasta} \\
        --bundle ${bundle} \\
        --shard ${shard} ${stride_option} ${table_option} ${store_option} \\
        --views ${quoted(views)} \\
        --neighbours ${quoted(neighbours)} \\
        --cpus ${task.cpus} \\
        --out_dir scores \\
        ${args}
    """

    stub:
    def name = quoted("${meta.id}.${meta['shard']}")
    def rows = score_store ? 'mkdir new_rows' : ''
    """
    mkdir scores
    ${rows}
    touch scores/${name}.parquet
    echo '{}' > scores/${name}.metrics.json
    """
}
