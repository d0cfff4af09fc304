//
// The way from VCFs to flagged VCFs for other pipelines: no params, no publishing, no resources; what differs between runs comes as
// values. Made into an installable folder by dev/nf_core_modules.py; docs/integration.md shows how to call it.
//

include { CHECK_INPUTS      } from '../../../modules/local/gfmtrust/check_inputs/main'
include { FIT_CONTEXT_MODEL } from '../../../modules/local/gfmtrust/fit_context_model/main'
include { EXPORT_MODEL      } from '../../../modules/local/gfmtrust/export_model/main'
include { PLAN_SITES        } from '../../../modules/local/gfmtrust/plan_sites/main'
include { SCORE_SITES       } from '../../../modules/local/gfmtrust/score_sites/main'
include { CALIBRATE         } from '../../../modules/local/gfmtrust/calibrate/main'
include { ANNOTATE_SITES    } from '../../../modules/local/gfmtrust/annotate_sites/main'
include { ANNOTATE_VCF      } from '../../../modules/local/gfmtrust/annotate_vcf/main'
include { REPORT            } from '../../../modules/local/gfmtrust/report/main'

/** The options that the caller may give, with their defaults; a test compares them with nextflow_schema.json. */
def annotationOptions(given) {
    def defaults = [views: 'default', neighbours: true, probes: 'auto', shard_size: 20000, max_allele: 50, seed: 1, contig_map: 'none',
        title: 'gfmtrust report', code: '']
    given.keySet().findAll { name -> !defaults.containsKey(name) }.each { name ->
        error("VCF_ANNOTATE_GFM: option ${name}; expected one of ${defaults.keySet().join(', ')}")
    }
    return defaults + given
}

/** Rows [meta, vcf] as [ids, vcfs]; no two of one id, which would be two results of one name. */
def idsAndFiles(rows) {
    rows.countBy { row -> row[0].id }.findAll { _id, count -> count > 1 }.each { id, count ->
        error("VCF_ANNOTATE_GFM: id ${id} ${count} times; expected unique; add what tells the files apart to meta.id")
    }
    return [rows.collect { row -> row[0].id }, rows.collect { row -> row[1] }]
}

/** Files of [meta, file] pairs in order of name: the order in which tasks end must not reach a task's hash. */
def filesInOrder(pairs) {
    return pairs.collect { pair -> pair[1] }.sort { path -> path.name }
}

workflow VCF_ANNOTATE_GFM {
    take:
    ch_vcf     // [meta, vcf] or [meta, vcf, index]       e.g. [[id: 'S1'], S1.vcf.gz]; meta.sample, where there is one, names the folder
    ch_fasta   // [meta, fasta] or [meta, fasta, fai]     e.g. [[id: 'GRCh38'], GRCh38.fa]; one; its index is made here
    ch_models  // [meta, folder]                          e.g. [[id: 'gpn'], gpn]; weights or bundles; none: the context model alone
    options    // map                                     e.g. [views: 'fast', probes: 4000]; see annotationOptions

    main:
    def cohort = [id: 'cohort']
    def none = [cohort, []]
    def given = annotationOptions(options)

    // no VCF, no task
    ch_sheet = ch_vcf
        .toSortedList { left, right -> left[0].id <=> right[0].id }
        .filter { rows -> rows.size() > 0 }
        .map { rows -> idsAndFiles(rows) }
    ch_reference = ch_fasta.collect(flat: false).map { rows -> [rows[0][0], rows[0][1], []] }
    CHECK_INPUTS(ch_reference, ch_sheet, none, none, [given.contig_map, []], given.code)
    // [meta, fasta, indexes]                             e.g. [[id: 'GRCh38'], GRCh38.fa.gz, [GRCh38.fa.gz.fai, GRCh38.fa.gz.gzi]]
    ch_genome = ch_reference.combine(CHECK_INPUTS.out.fai).map { meta, fasta, _none, _meta, fai -> [meta, fasta, fai] }.first()

    FIT_CONTEXT_MODEL(ch_genome, given.seed, given.code)
    ch_context = FIT_CONTEXT_MODEL.out.bundle.map { _meta, bundle -> [[id: 'context_model', order: 0], bundle] }
    EXPORT_MODEL(ch_models, ch_genome, given.code)
    ch_exported = EXPORT_MODEL.out.bundle.map { meta, bundle -> [meta + [order: 1], bundle] }
    // [meta, [bundles]]                                  the context model first, then in order of id
    ch_bundles = ch_context
        .mix(ch_exported)
        .toSortedList { left, right -> left[0].order <=> right[0].order ?: left[0].id <=> right[0].id }
        .map { pairs -> [cohort, pairs.collect { pair -> pair[1] }] }

    PLAN_SITES(
        ch_genome,
        CHECK_INPUTS.out.checked,
        ch_context,
        none,
        none,
        given.probes,
        given.shard_size,
        given.max_allele,
        given.seed,
        given.code,
    )
    ch_plan = PLAN_SITES.out.plan.map { _meta, plan -> [cohort, plan] }
    ch_shards = PLAN_SITES.out.shards.flatMap { _meta, shards -> shards instanceof List ? shards : [shards] }
    ch_to_score = ch_context
        .mix(ch_exported)
        .combine(ch_shards)
        .map { meta, bundle, shard -> [[id: meta.id, shard: shard.baseName], bundle, [], shard] }
    SCORE_SITES(ch_to_score, ch_genome, given.views, given.neighbours, given.code)
    ch_scores = SCORE_SITES.out.scores.toSortedList().map { pairs -> [cohort, filesInOrder(pairs)] }
    ch_metrics = SCORE_SITES.out.metrics.toSortedList().map { pairs -> [cohort, filesInOrder(pairs)] }

    CALIBRATE(ch_plan, ch_scores, ch_bundles, none, none, given.seed, 1, given.code)
    ANNOTATE_SITES(ch_plan, ch_scores, ch_bundles, CALIBRATE.out.json, given.code)
    ANNOTATE_VCF(ch_vcf.map { row -> [row[0], row[1]] }, ANNOTATE_SITES.out.alleles, CALIBRATE.out.json, given.code)
    REPORT(
        CHECK_INPUTS.out.checked
            .combine(ch_plan)
            .combine(CALIBRATE.out.calibration)
            .combine(ANNOTATE_SITES.out.sites)
            .map { row -> [cohort, row[1], row[3], row[5], row[7]] },
        ANNOTATE_VCF.out.counts.toSortedList().map { pairs -> [cohort, filesInOrder(pairs)] },
        none,
        ch_metrics,
        ch_bundles,
        given.title,
        given.code,
    )

    // named here, not under emit: the strict parser of Nextflow 25.04.0 loses an emit with a value of its own
    vcf = ANNOTATE_VCF.out.vcf
    index = ANNOTATE_VCF.out.index
    counts = ANNOTATE_VCF.out.counts
    sites = ANNOTATE_SITES.out.sites
    calibration = CALIBRATE.out.calibration
    bundles = ch_bundles
    report = REPORT.out.html
    manifest = REPORT.out.manifest
    multiqc_files = REPORT.out.multiqc_tables

    emit:
    vcf           // [meta, vcf.gz]     each file as it came in, our keys added
    index         // [meta, tbi or csi] none for an unsorted file
    counts        // [meta, json]
    sites         // [meta, folder]     sites.gfm.vcf.gz, its index, columns.txt, header.hdr, sites.parquet
    calibration   // [meta, folder]
    bundles       // [meta, folders]    the context model first
    report        // [meta, html]
    manifest      // [meta, json]
    multiqc_files // [meta, files]
}
