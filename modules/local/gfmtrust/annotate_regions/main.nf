include { named  } from '../../shell'
include { quoted } from '../../shell'

process ANNOTATE_REGIONS {
    tag "${meta.id}"
    label 'process_single'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(bed, stageAs: 'in/*')
    tuple val(meta2), path(bases)
    tuple val(meta3), path(calibration)
    val code

    output:
    tuple val(meta), path("${prefix}.gfm.bed.gz"), emit: bed
    // an unsorted BED is annotated in its own order and gets no index
    tuple val(meta), path("${prefix}.gfm.bed.gz.{tbi,csi}"), optional: true, emit: index
    // the step names it by the id, whatever prefix the results have
    tuple val(meta), path("${meta.id}.counts.json"), emit: counts
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    named(prefix)
    named(meta.id)
    """
    gfmtrust annotate_regions \\
        --bed ${bed} \\
        --name ${quoted(meta.id)} \\
        --bases ${bases} \\
        --calibration ${calibration} \\
        --out "${prefix}.gfm.bed.gz" \\
        ${args}
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    named(prefix)
    """
    echo "" | gzip > "${prefix}.gfm.bed.gz"
    touch "${prefix}.gfm.bed.gz.tbi"
    echo '{}' > "${named(meta.id)}.counts.json"
    """
}
