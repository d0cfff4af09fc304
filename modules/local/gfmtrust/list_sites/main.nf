process LIST_SITES {
    tag "${meta.id}"
    label 'process_low'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(plan)
    tuple val(meta2), path(fasta), path(fai)
    val code

    output:
    tuple val(meta), path('sites_to_score.vcf.gz'), path('sites_to_score.vcf.gz.{tbi,csi}'), emit: vcf
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    def args = task.ext.args ?: ''
    """
    gfmtrust list_sites \\
        --plan ${plan} \\
        --fasta ${fasta} \\
        --out sites_to_score.vcf.gz \\
        ${args}
    """

    stub:
    """
    echo "" | gzip > sites_to_score.vcf.gz
    touch sites_to_score.vcf.gz.tbi
    """
}
