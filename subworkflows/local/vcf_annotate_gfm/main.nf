//
// From VCFs to flagged VCFs: check, plan, export, score, calibrate, annotate, report. The pipeline runs it, and other pipelines install it
// (docs/extend/integration.md): no params, no publishing, no resources; what differs between runs comes in as values.
//

include { CHECK_INPUTS      } from '../../../modules/local/gfmtrust/check_inputs/main'
include { FIT_CONTEXT_MODEL } from '../../../modules/local/gfmtrust/fit_context_model/main'
include { EXPORT_MODEL      } from '../../../modules/local/gfmtrust/export_model/main'
include { IMPORT_SCORES     } from '../../../modules/local/gfmtrust/import_scores/main'
include { PLAN_SITES        } from '../../../modules/local/gfmtrust/plan_sites/main'
include { LIST_SITES        } from '../../../modules/local/gfmtrust/list_sites/main'
include { ESTIMATE_RUN      } from '../../../modules/local/gfmtrust/estimate_run/main'
include { READ_LABELS       } from '../../../modules/local/gfmtrust/read_labels/main'
include { CHOOSE_STRIDE     } from '../../../modules/local/gfmtrust/choose_stride/main'
include { SCORE_SITES       } from '../../../modules/local/gfmtrust/score_sites/main'
include { MERGE_STORES      } from '../../../modules/local/gfmtrust/merge_stores/main'
include { CALIBRATE         } from '../../../modules/local/gfmtrust/calibrate/main'
include { ANNOTATE_SITES    } from '../../../modules/local/gfmtrust/annotate_sites/main'
include { BENCHMARK_LABELS  } from '../../../modules/local/gfmtrust/benchmark_labels/main'
include { AUDIT             } from '../../../modules/local/gfmtrust/audit/main'
include { ANNOTATE_VCF      } from '../../../modules/local/gfmtrust/annotate_vcf/main'
include { ANNOTATE_REGIONS  } from '../../../modules/local/gfmtrust/annotate_regions/main'
include { WRITE_TRACKS      } from '../../../modules/local/gfmtrust/write_tracks/main'
include { REPORT            } from '../../../modules/local/gfmtrust/report/main'
include { contigMap         } from './inputs'
include { filesByName       } from './inputs'
include { idsAndFiles       } from './inputs'
include { repeatedIds       } from './inputs'
include { inModelOrder      } from './inputs'
include { indexedPopulation } from './inputs'
include { readByRegion      } from './inputs'
include { rowsInOrder       } from './inputs'
include { withIndex         } from './inputs'

/**
 * The options that the caller may give, with their defaults; a test compares them with nextflow_schema.json.
 * Files are given as file(...), lists of inputs as [meta, file] pairs; [] stands for "none". score_store is one such pair: Nextflow's hash
 * of a folder does not depend on the files in it, so that meta.digest stands for them.
 */
def annotationOptions(given) {
    def values = [views: 'default', neighbours: true, region_stride: 8, probes: 'auto', shard_size: 20000, max_allele: 50, seed: 1,
        contig_map: 'none', af_key: '', external_key: 'SCORE', label_key: 'CLNSIG', label_values: '', label_cut: '', looks: 1, dry_run: false, audit: false,
        title: 'gfmtrust report', code: '']
    def inputs = [regions: [], include: [], background_fasta: [], context_model: [], external_scores: [], calibration: [], labels: [],
        population_vcf: [], copy_index: [], background_vcf: [], score_store: []]
    def defaults = values + inputs
    given.keySet().findAll { name -> !defaults.containsKey(name) }.each { name ->
        error("VCF_ANNOTATE_GFM: option ${name}; expected one of ${defaults.keySet().join(', ')}")
    }
    return defaults + given.findAll { _name, value -> value != null }
}

workflow VCF_ANNOTATE_GFM {
    take:
    ch_vcf     // [meta, vcf] or [meta, vcf, index]       e.g. [[id: 'S1'], S1.vcf.gz]; meta.sample, where there is one, names the folder
    ch_fasta   // [meta, fasta] or [meta, fasta, fai]     e.g. [[id: 'GRCh38'], GRCh38.fa]; one; its index is made here
    ch_models  // [meta, folder or []]                    e.g. [[id: 'gpn'], gpn]; weights or bundles; [] where meta.model names a checkpoint
    options    // map                                     e.g. [views: 'fast', probes: 4000]; see annotationOptions

    main:
    def cohort = [id: 'cohort']
    def none = [cohort, []]
    def given = annotationOptions(options)
    def contig_map = contigMap(given.contig_map)
    def beds = [cohort, given.regions.collect { entry -> entry[1] }]
    def included = [cohort, given.include]
    def population = [cohort] + indexedPopulation(given.population_vcf)

    // neither a VCF nor a BED: no task
    ch_sheet = ch_vcf
        .toSortedList { left, right -> left[0].id <=> right[0].id }
        .filter { rows -> rows.size() > 0 || given.regions.size() > 0 }
        .map { rows -> repeatedIds(rows) ? error(repeatedIds(rows)) : idsAndFiles(rows) }
    ch_reference = ch_fasta.collect(flat: false).map { rows -> [rows[0][0], rows[0][1], given.background_fasta] }
    checked = CHECK_INPUTS(ch_reference, ch_sheet, beds, included, contig_map, given.af_key, given.code)
    // [meta, fasta, indexes]                             e.g. [[id: 'GRCh38'], GRCh38.fa.gz, [GRCh38.fa.gz.fai, GRCh38.fa.gz.gzi]]
    ch_genome = given.background_fasta
        ? checked.joined.first()
        : ch_reference.combine(checked.fai).map { meta, fasta, _none, _meta, fai -> [meta, fasta, fai] }.first()

    // [meta, bundle] and [meta, bundle.json]             e.g. [[id: 'context_model', order: 0], context_model]
    def context = [id: 'context_model', order: 0]
    if (given.context_model) {
        ch_context = channel.value([context, given.context_model])
        ch_context_facts = channel.value([context, given.context_model.resolve('bundle.json')])
    }
    else {
        fitted = FIT_CONTEXT_MODEL(ch_genome, given.seed, given.code)
        ch_context = fitted.bundle.map { _meta, bundle -> [context, bundle] }
        ch_context_facts = fitted.facts.map { _meta, facts -> [context, facts] }
    }
    exported = EXPORT_MODEL(ch_models, ch_genome, given.code)
    def external = given.external_scores.collect { entry -> entry[2] ? entry : [entry[0]] + withIndex(entry[1]) }
    imported = IMPORT_SCORES(channel.fromList(external), ch_genome, contig_map, given.external_key, given.code)
    ch_bundles = ch_context
        .mix(exported.bundle, imported.bundle)
        .toList()
        .map { pairs -> [cohort, inModelOrder(pairs)] }
    // what the steps after scoring read of the models: no weights are staged where no model runs
    ch_facts = ch_context_facts.mix(exported.facts, imported.facts).toList().map { pairs -> [cohort, inModelOrder(pairs)] }

    planned = PLAN_SITES(
        ch_genome,
        checked.checked,
        ch_context,
        beds,
        included,
        contig_map,
        population,
        [cohort, given.copy_index],
        given.probes,
        given.shard_size,
        given.max_allele,
        given.seed,
        given.code,
    )
    ch_plan = planned.plan.map { _meta, plan -> [cohort, plan] }
    ch_shards = planned.shards.flatMap { _meta, shards -> shards instanceof List ? shards : [shards] }

    ch_estimate = channel.empty()
    ch_metrics = channel.empty()
    ch_annotated = channel.empty()
    ch_index = channel.empty()
    ch_counts = channel.empty()
    ch_bed = channel.empty()
    ch_tracks = channel.empty()
    ch_flags = channel.empty()
    ch_sites = channel.empty()
    ch_calibration = channel.empty()
    ch_report = channel.empty()
    ch_manifest = channel.empty()
    ch_multiqc = channel.empty()
    ch_store = channel.empty()
    if (given.dry_run) {
        estimated = ESTIMATE_RUN(ch_plan, ch_bundles, given.views, given.neighbours, given.region_stride, given.code)
        ch_estimate = estimated.table.map { _meta, table -> table.text }
        LIST_SITES(ch_plan, ch_genome, given.code)
    }
    else {
        // [meta, bundle, stride.json or []]              e.g. [[id: 'gpn-demo-1'], gpn-demo-1, gpn-demo-1.stride.json]
        if (given.regions) {
            strides = CHOOSE_STRIDE(exported.bundle, ch_genome, ch_plan, given.views, given.region_stride, given.code)
            ch_strided = exported.bundle.join(strides.stride)
        }
        else {
            ch_strided = exported.bundle.map { meta, bundle -> [meta, bundle, []] }
        }
        // [meta, bundle, stride, shard, table, index]    e.g. [[id: 'gpn_msa', shard: 'shard_00000'], gpn_msa, [], shard_00000.parquet, scores.tsv.bgz, scores.tsv.bgz.tbi]
        def tables = external.collectEntries { meta, table, index -> [meta.id, readByRegion(table, index)] }
        ch_to_score = ch_context
            .map { meta, bundle -> [meta, bundle, []] }.mix(ch_strided, imported.bundle.map { meta, bundle -> [meta, bundle, []] })
            .combine(ch_shards)
            .map { meta, bundle, stride, shard ->
                [[id: meta.id, digest: meta.digest, shard: shard.baseName], bundle, stride, shard] + (tables[meta.id] ?: [[], []])
            }
        scored = SCORE_SITES(ch_to_score, ch_genome, given.score_store ?: none, given.views, given.neighbours, given.code)
        ch_metrics = scored.metrics
        ch_scores = scored.scores.toSortedList().map { pairs -> [cohort, filesByName(pairs)] }

        if (given.score_store) {
            ch_new_rows = scored.new_rows.toList().map { pairs -> [cohort, rowsInOrder(pairs)] }
            merged = MERGE_STORES(ch_new_rows, given.score_store, given.code)
            ch_store = merged.store
        }

        // Runs as soon as there is a genome: a labelled VCF without labels stops the run before it is scored. It stands behind SCORE_SITES
        // because Nextflow 25.04 numbers `eval` outputs in the order of the calls: before it, -resume would score again.
        ch_labels = channel.value(none)
        if (given.labels) {
            read = READ_LABELS([cohort, given.labels], ch_genome, contig_map, given.label_key, given.label_values, given.label_cut, given.code)
            // a frozen calibration has its own labels, or none
            ch_labels = given.calibration ? channel.value(none) : read.table
        }
        calibrated = CALIBRATE(
            ch_plan,
            ch_scores,
            ch_facts,
            [cohort, given.calibration],
            ch_labels,
            [cohort, given.background_vcf],
            given.seed,
            given.looks,
            given.code,
        )
        annotated_sites = ANNOTATE_SITES(ch_plan, ch_scores, ch_facts, calibrated.calibration, given.code)
        ch_benchmark = channel.value(none)
        if (given.labels) {
            benchmarked = BENCHMARK_LABELS(ch_plan, ch_scores, read.table, annotated_sites.alleles, given.seed, given.code)
            ch_benchmark = benchmarked.benchmark
        }
        ch_audited = channel.value(none)
        if (given.audit) { // scores from elsewhere have no graph that could be asked
            ch_graphs = ch_context.mix(exported.bundle).toList().map { pairs -> [cohort, inModelOrder(pairs)] }
            audited = AUDIT(ch_graphs, ch_genome, given.seed, given.code)
            ch_audited = audited.audit
        }
        annotated = ANNOTATE_VCF(ch_vcf.map { row -> [row[0], row[1]] }, annotated_sites.alleles, calibrated.json, given.code)
        regions = ANNOTATE_REGIONS(channel.fromList(given.regions), annotated_sites.bases, calibrated.json, given.code)
        written = WRITE_TRACKS(annotated_sites.bases.join(annotated_sites.alleles), given.code)
        reported = REPORT(
            checked.checked
                .combine(ch_plan)
                .combine(calibrated.calibration)
                .combine(annotated_sites.sites)
                .map { row -> [cohort, row[1], row[3], row[5], row[7]] },
            annotated.counts.toSortedList().map { pairs -> [cohort, filesByName(pairs)] },
            regions.counts.toSortedList().map { pairs -> [cohort, filesByName(pairs)] },
            scored.metrics.toSortedList().map { pairs -> [cohort, filesByName(pairs)] },
            ch_facts,
            ch_benchmark,
            ch_audited,
            written.tracks.join(written.flags).join(written.session).map { row -> [row[0], row.drop(1).flatten()] },
            given.title,
            given.code,
        )
        ch_bed = regions.bed
        ch_tracks = written.tracks
        ch_flags = written.flags
        ch_annotated = annotated.vcf
        ch_index = annotated.index
        ch_counts = annotated.counts
        ch_sites = annotated_sites.sites
        ch_calibration = calibrated.calibration
        ch_report = reported.html
        ch_manifest = reported.manifest
        ch_multiqc = reported.multiqc_tables
    }

    // named here, not under emit: the strict parser of Nextflow 25.04.0 loses an emit with a value of its own
    vcf = ch_annotated
    index = ch_index
    counts = ch_counts
    bed = ch_bed
    tracks = ch_tracks
    flags = ch_flags
    sites = ch_sites
    calibration = ch_calibration
    bundles = ch_bundles
    report = ch_report
    manifest = ch_manifest
    multiqc_files = ch_multiqc
    plan = ch_plan
    shards = ch_shards
    metrics = ch_metrics
    estimate = ch_estimate
    score_store = ch_store

    emit:
    vcf           // [meta, vcf.gz]     each file as it came in, our keys added
    index         // [meta, tbi or csi] none for an unsorted file
    counts        // [meta, json]
    bed           // [meta, bed.gz]     each BED of options.regions, our columns added
    tracks        // [meta, bigWigs]    the region bases; none without regions
    flags         // [meta, bed.gz, index] the alleles by flag, in colour
    sites         // [meta, folder]     sites.gfm.vcf.gz, its index, columns.txt, header.hdr, sites.parquet
    calibration   // [meta, folder]
    bundles       // [meta, folders]    the context model first
    report        // [meta, html]
    manifest      // [meta, json]
    multiqc_files // [meta, files]
    plan          // [meta, folder]     plan.json, alleles, probes and shards
    shards        // file               a shard of sites to be scored
    metrics       // [meta, json]       speed of each scored shard
    estimate      // text               what a dry run expects
    score_store   // [meta, folder]     options.score_store with the new rows of this run; none without it
}
