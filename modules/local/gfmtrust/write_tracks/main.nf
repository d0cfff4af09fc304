process WRITE_TRACKS {
    tag "${meta.id}"
    label 'process_single'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(bases), path(sites)
    val code

    output:
    // a measure without any value, such as the gain of the context model alone, has no bigWig
    tuple val(meta), path('tracks/*.bw', arity: '0..*'), emit: tracks
    tuple val(meta), path('tracks/flags.bed.gz'), path('tracks/flags.bed.gz.{tbi,csi}', arity: '0..*'), emit: flags
    tuple val(meta), path('tracks/igv_session.xml'), emit: session
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    def args = task.ext.args ?: ''
    """
    gfmtrust write_tracks \\
        --bases ${bases} \\
        --sites ${sites} \\
        --out_dir tracks \\
        ${args}
    """

    stub:
    """
    mkdir tracks
    touch tracks/entropy.bw tracks/flags.bed.gz.tbi tracks/igv_session.xml
    echo "" | gzip > tracks/flags.bed.gz
    """
}
