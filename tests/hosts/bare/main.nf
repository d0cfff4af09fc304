include { VCF_ANNOTATE_GFM } from './subworkflows/gfmtrust/vcf_annotate_gfm/main'

workflow {
    // an index beside the VCF may come along
    ch_vcf = channel.fromPath(params.vcfs.tokenize(',')).map { vcf -> [[id: vcf.simpleName], vcf, file("${vcf}.tbi")] }
    ch_fasta = channel.value([[id: 'genome'], file(params.fasta), file("${params.fasta}.fai")])
    ch_models = params.models ? channel.fromPath(params.models, type: 'dir').map { folder -> [[id: folder.name], folder] } : channel.empty()
    VCF_ANNOTATE_GFM(ch_vcf, ch_fasta, ch_models, [probes: params.probes])
    VCF_ANNOTATE_GFM.out.vcf.view { meta, vcf -> "annotated ${meta.id} ${vcf.name}" }
}
