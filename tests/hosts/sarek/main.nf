include { VCF_ANNOTATE_ALL } from './annotate_all'

workflow {
    ch_vcf = channel.fromPath(params.input)
        .splitCsv(header: true)
        .map { row -> [[id: row.sample, patient: row.patient, sample: row.sample, variantcaller: row.variantcaller], file(row.vcf)] }
    fasta = channel.fromPath(params.fasta).map { path -> [[id: path.baseName], path, file("${path}.fai")] }.collect()
    VCF_ANNOTATE_ALL(ch_vcf, fasta, params.tools)
    VCF_ANNOTATE_ALL.out.vcf_ann.view { meta, vcf, _index -> "annotated ${meta.id} ${vcf.name}" }
}
