//
// The way of the data, in one direction: check, plan, export, score, calibrate, annotate, report.
//

include { CHECK_INPUTS      } from '../modules/local/gfmtrust/check_inputs/main'
include { FIT_CONTEXT_MODEL } from '../modules/local/gfmtrust/fit_context_model/main'
include { EXPORT_MODEL      } from '../modules/local/gfmtrust/export_model/main'
include { IMPORT_SCORES     } from '../modules/local/gfmtrust/import_scores/main'
include { PLAN_SITES        } from '../modules/local/gfmtrust/plan_sites/main'
include { LIST_SITES        } from '../modules/local/gfmtrust/list_sites/main'
include { ESTIMATE_RUN      } from '../modules/local/gfmtrust/estimate_run/main'
include { READ_LABELS       } from '../modules/local/gfmtrust/read_labels/main'
include { CHOOSE_STRIDE     } from '../modules/local/gfmtrust/choose_stride/main'
include { SCORE_SITES       } from '../modules/local/gfmtrust/score_sites/main'
include { CALIBRATE         } from '../modules/local/gfmtrust/calibrate/main'
include { ANNOTATE_SITES    } from '../modules/local/gfmtrust/annotate_sites/main'
include { BENCHMARK_LABELS  } from '../modules/local/gfmtrust/benchmark_labels/main'
include { ANNOTATE_VCF      } from '../modules/local/gfmtrust/annotate_vcf/main'
include { ANNOTATE_REGIONS  } from '../modules/local/gfmtrust/annotate_regions/main'
include { WRITE_TRACKS      } from '../modules/local/gfmtrust/write_tracks/main'
include { REPORT            } from '../modules/local/gfmtrust/report/main'
include { MULTIQC           } from '../modules/local/multiqc/report/main'
include { tellProgress      } from '../subworkflows/local/utils_gfmtrust_pipeline/progress'
include { planText          } from '../subworkflows/local/utils_gfmtrust_pipeline/progress'

/** Files of [meta, file] pairs in order of name: the order in which tasks end must not reach a task's hash. */
def filesByName(pairs) {
    return pairs.collect { pair -> pair[1] }.sort { path -> path.name }
}

workflow GFMTRUST {
    take:
    samples       // list of [meta, vcf]         e.g. [[[id: 'S1', sample: 'S1'], S1.vcf.gz], ...], sorted by id
    regions       // list of [meta, bed]         e.g. [[[id: 'promoters'], promoters.bed], ...], sorted by name
    models        // list of [meta, folder|[]]   e.g. [[[id: 'gpn-demo-1', order: 1, digest: '4f…'], gpn-demo-1], ...], as given
    external      // list of [meta, file]        e.g. [[[id: 'evo2', order: 2], evo2.tsv.gz], ...], scores from elsewhere, as given
    fasta         // file                        e.g. GRCh38.fa
    background    // file or []                  a genome for context model and probes, where fasta holds a few elements
    include_bed   // file or []
    contig_map    // [mode, file or []]          e.g. ['auto', []]
    context_model // folder or []                a bundle fitted earlier
    calibration   // file or []                  a frozen calibration.json
    labels        // file or []                  a labelled VCF
    multiqc_extra // file or []                  a MultiQC configuration of the user
    looks         // number                      how often half B of the probes decides on a level, this time included
    code          // text                        digest of the package's sources, part of every task's hash

    main:
    def cohort = [id: 'cohort']
    def genome = [id: fasta.simpleName]
    def beds = [cohort, regions.collect { entry -> entry[1] }]
    def included = [cohort, include_bed]

    CHECK_INPUTS(
        [genome, fasta, background],
        [samples.collect { entry -> entry[0].id }, samples.collect { entry -> entry[1] }],
        beds,
        included,
        contig_map,
        code,
    )
    // [meta, fasta, indexes]                    e.g. [[id: 'GRCh38'], GRCh38.fa.gz, [GRCh38.fa.gz.fai, GRCh38.fa.gz.gzi]]
    ch_genome = background ? CHECK_INPUTS.out.joined : CHECK_INPUTS.out.fai.map { meta, fai -> [meta, fasta, fai] }

    // [meta, bundle]                            e.g. [[id: 'context_model', order: 0], context_model]
    if (context_model) {
        ch_context = channel.value([[id: 'context_model', order: 0], context_model])
    }
    else {
        FIT_CONTEXT_MODEL(ch_genome, params.seed, code)
        ch_context = FIT_CONTEXT_MODEL.out.bundle.map { _meta, bundle -> [[id: 'context_model', order: 0], bundle] }
    }
    EXPORT_MODEL(channel.fromList(models), ch_genome, code)
    IMPORT_SCORES(channel.fromList(external), ch_genome, contig_map, params.external_key, code)
    ch_bundles = ch_context.mix(EXPORT_MODEL.out.bundle, IMPORT_SCORES.out.bundle)
    // [meta, [bundles]]                         the context model first, then in the order of --models
    ch_all_bundles = ch_bundles
        .toSortedList { left, right -> left[0].order <=> right[0].order }
        .map { pairs -> [cohort, pairs.collect { pair -> pair[1] }] }

    PLAN_SITES(
        ch_genome,
        CHECK_INPUTS.out.checked,
        ch_context,
        beds,
        included,
        params.probes,
        params.shard_size,
        params.max_allele,
        params.seed,
        code,
    )
    ch_plan = PLAN_SITES.out.plan.map { _meta, plan -> [cohort, plan] }

    if (params.dry_run) {
        ESTIMATE_RUN(ch_plan, ch_all_bundles, params.views, params.neighbours, params.region_stride, code)
        ESTIMATE_RUN.out.table.view()
        LIST_SITES(ch_plan, ch_genome, code)
    }
    else {
        // [meta, bundle, stride.json or []]    e.g. [[id: 'gpn-demo-1'], gpn-demo-1, gpn-demo-1.stride.json]
        if (regions) {
            CHOOSE_STRIDE(EXPORT_MODEL.out.bundle, ch_genome, ch_plan, params.views, params.region_stride, code)
            ch_strided = EXPORT_MODEL.out.bundle.join(CHOOSE_STRIDE.out.stride)
        }
        else {
            ch_strided = EXPORT_MODEL.out.bundle.map { meta, bundle -> [meta, bundle, []] }
        }
        // [meta, bundle, stride, shard]         e.g. [[id: 'gpn-demo-1', shard: 'shard_00000'], gpn-demo-1, [], shard_00000.parquet]
        ch_shards = PLAN_SITES.out.shards.flatMap { _meta, shards -> shards instanceof List ? shards : [shards] }
        ch_plan
            .combine(ch_shards.count())
            .subscribe { _meta, plan, n_shards -> log.info(planText(plan, n_shards, 1 + models.size() + external.size(), params.views)) }
        ch_to_score = ch_context
            .map { meta, bundle -> [meta, bundle, []] }
            .mix(ch_strided, IMPORT_SCORES.out.bundle.map { meta, bundle -> [meta, bundle, []] })
            .combine(ch_shards)
            .map { meta, bundle, stride, shard -> [[id: meta.id, digest: meta.digest, shard: shard.baseName], bundle, stride, shard] }
        SCORE_SITES(ch_to_score, ch_genome, params.views, params.neighbours, code)
        def told = [:]
        SCORE_SITES.out.metrics
            .combine(ch_shards.count())
            .subscribe { meta, metrics, n_shards -> tellProgress(told, meta.id, metrics, n_shards) }
        ch_scores = SCORE_SITES.out.scores.toSortedList().map { pairs -> [cohort, filesByName(pairs)] }
        ch_metrics = SCORE_SITES.out.metrics.toSortedList().map { pairs -> [cohort, filesByName(pairs)] }

        // runs as soon as there is a genome: a labelled VCF without labels stops the run before it is scored. It stands behind SCORE_SITES
        // because Nextflow 25.04 numbers `eval` outputs in the order of the calls: before it, -resume would score again
        if (labels) {
            READ_LABELS([cohort, labels], ch_genome, contig_map, params.label_key, params.label_values ?: '', params.label_cut ?: '', code)
        }
        // a frozen calibration has its own labels, or none
        ch_labels = labels && !calibration ? READ_LABELS.out.table : channel.value([cohort, []])
        CALIBRATE(ch_plan, ch_scores, ch_all_bundles, [cohort, calibration], ch_labels, params.seed, looks, code)
        ANNOTATE_SITES(ch_plan, ch_scores, ch_all_bundles, CALIBRATE.out.json, code)
        if (labels) {
            BENCHMARK_LABELS(ch_plan, ch_scores, READ_LABELS.out.table, ANNOTATE_SITES.out.alleles, params.seed, code)
        }
        ANNOTATE_VCF(channel.fromList(samples), ANNOTATE_SITES.out.alleles, CALIBRATE.out.json, code)
        ANNOTATE_REGIONS(channel.fromList(regions), ANNOTATE_SITES.out.bases, CALIBRATE.out.json, code)
        WRITE_TRACKS(ANNOTATE_SITES.out.bases.join(ANNOTATE_SITES.out.alleles), code)

        REPORT(
            CHECK_INPUTS.out.checked
                .combine(ch_plan)
                .combine(CALIBRATE.out.calibration)
                .combine(ANNOTATE_SITES.out.sites)
                .map { row -> [cohort, row[1], row[3], row[5], row[7]] },
            ANNOTATE_VCF.out.counts.toSortedList().map { pairs -> [cohort, filesByName(pairs)] },
            ANNOTATE_REGIONS.out.counts.toSortedList().map { pairs -> [cohort, filesByName(pairs)] },
            ch_metrics,
            ch_all_bundles,
            params.title ?: 'gfmtrust report',
            code,
        )

        // one line a tool: process, tool, version
        ch_versions = channel.topic('versions')
            .unique()
            .map { process, tool, version -> "${process.tokenize(':').last()}:\n  ${tool}: ${version}\n" }
            .unique()
            .mix(channel.of("Workflow:\n  gfmtrust: ${workflow.manifest.version}\n  Nextflow: ${workflow.nextflow.version}\n".toString()))
            .collectFile(name: 'software_mqc_versions.yml', storeDir: "${params.outdir}/pipeline_info", sort: true)
        MULTIQC(
            REPORT.out.multiqc_tables.map { _meta, tables -> tables }.mix(ch_versions).collect().map { tables -> [cohort, tables] },
            [cohort, [file("${projectDir}/assets/multiqc_config.yml"), multiqc_extra].flatten()],
            params.title ?: 'gfmtrust report',
        )
    }
}
