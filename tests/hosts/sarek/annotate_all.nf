include { VCF_ANNOTATE_GFM } from './subworkflows/gfmtrust/vcf_annotate_gfm/main'

workflow VCF_ANNOTATE_ALL {
    take:
    vcf     // [meta, vcf]        e.g. [[id: 'S1', patient: 'P1', sample: 'S1', variantcaller: 'strelka'], S1.vcf.gz]
    fasta   // [meta, fasta, fai]
    tools   // text

    main:
    vcf_ann = channel.empty()
    reports = channel.empty()
    if (tools.tokenize(',').contains('gfm')) {
        // here the id is the sample's; two callers of one sample are two VCFs
        ch_named = vcf.map { meta, file -> [meta + [id: "${meta.sample}.${meta.variantcaller}"], file] }
        VCF_ANNOTATE_GFM(ch_named, fasta, channel.empty(), [views: 'fast', title: "It's a cohort; touch x"])
        vcf_ann = vcf_ann.mix(VCF_ANNOTATE_GFM.out.vcf.join(VCF_ANNOTATE_GFM.out.index, remainder: true))
        reports = reports.mix(VCF_ANNOTATE_GFM.out.multiqc_files)
    }

    emit:
    vcf_ann
    reports
}
