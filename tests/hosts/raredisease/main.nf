include { VCF_ANNOTATE_GFM } from './subworkflows/gfmtrust/vcf_annotate_gfm/main'

process SCATTER {
    tag "${meta.id}"

    input:
    tuple val(meta), path(vcf), val(contig)

    output:
    tuple val(meta), val(contig), path('*.part.vcf'), emit: vcf

    script:
    """
    { [ "\$(head -c 2 ${vcf} | od -An -tx1 | tr -d ' ')" = 1f8b ] && gunzip -c ${vcf} || cat ${vcf}; } \\
        | awk -F '\\t' -v contig="${contig}" '/^#/ || \$1 == contig' > "${meta.id}.${contig}.part.vcf"
    """

    stub:
    """
    touch "${meta.id}.${contig}.part.vcf"
    """
}

process GATHER {
    tag "${meta.id}"

    input:
    tuple val(meta), path(vcfs)

    output:
    tuple val(meta), path('*.gfm.vcf.gz'), emit: vcf

    script:
    def parts = vcfs.sort { path -> path.name }
    """
    { gunzip -c ${parts[0]} | grep '^#'; for part in ${parts.join(' ')}; do gunzip -c "\$part" | grep -v '^#' || true; done; } \\
        | gzip > "${meta.id}.gfm.vcf.gz"
    """

    stub:
    """
    echo '${vcfs.size()} parts' | gzip > "${meta.id}.gfm.vcf.gz"
    """
}

workflow {
    def contigs = params.contigs.tokenize(',')
    ch_vcf = channel.fromPath(params.vcf).map { vcf -> [[id: vcf.simpleName], vcf] }
    ch_fasta = channel.fromPath(params.fasta).map { path -> [[id: path.baseName], path] }
    SCATTER(ch_vcf.combine(channel.fromList(contigs)))
    // every piece has an id of its own, and all pieces share one calibration
    ch_pieces = SCATTER.out.vcf.map { meta, contig, vcf -> [meta + [id: "${meta.id}.${contig}", case_id: meta.id, pieces: contigs.size()], vcf] }
    VCF_ANNOTATE_GFM(ch_pieces, ch_fasta, channel.empty(), [:])
    GATHER(VCF_ANNOTATE_GFM.out.vcf.map { meta, vcf -> [groupKey([id: meta.case_id], meta.pieces), vcf] }.groupTuple())
    GATHER.out.vcf.view { meta, vcf -> "annotated ${meta.id} ${vcf.name}" }
}
