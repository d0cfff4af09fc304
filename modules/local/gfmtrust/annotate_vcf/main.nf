include { named  } from '../../shell'
include { quoted } from '../../shell'

process ANNOTATE_VCF {
    tag "${meta.id}"
    label 'process_single'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(vcf, stageAs: 'in/*')
    tuple val(meta2), path(sites)
    tuple val(meta3), path(calibration)
    val code

    output:
    tuple val(meta), path("${folder}/${prefix}.gfm.vcf.gz"), emit: vcf
    // an unsorted VCF is annotated in its own order and gets no index
    tuple val(meta), path("${folder}/${prefix}.gfm.vcf.gz.{tbi,csi}"), optional: true, emit: index
    // the step names it by the id, whatever prefix the results have
    tuple val(meta), path("${folder}/${meta.id}.counts.json"), emit: counts
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    folder = meta['sample'] ?: "${meta.id}"
    named(prefix)
    named(folder)
    named(meta.id)
    """
    mkdir -p "${folder}"
    gfmtrust annotate_vcf \\
        --vcf ${vcf} \\
        --id ${quoted(meta.id)} \\
        --sites ${sites} \\
        --calibration ${calibration} \\
        --out "${folder}/${prefix}.gfm.vcf.gz" \\
        ${args}
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    folder = meta['sample'] ?: "${meta.id}"
    named(prefix)
    named(folder)
    """
    mkdir -p "${folder}"
    echo "" | gzip > "${folder}/${prefix}.gfm.vcf.gz"
    touch "${folder}/${prefix}.gfm.vcf.gz.tbi"
    echo '{}' > "${folder}/${named(meta.id)}.counts.json"
    """
}
