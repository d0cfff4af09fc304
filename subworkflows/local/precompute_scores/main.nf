//
// The answers of models at every base of regions, or of the whole genome: rows of a score store for later runs, and one table per model.
//

include { CHECK_INPUTS } from '../../../modules/local/gfmtrust/check_inputs/main'
include { EXPORT_MODEL } from '../../../modules/local/gfmtrust/export_model/main'
include { PRECOMPUTE   } from '../../../modules/local/gfmtrust/precompute/main'
include { MERGE_STORES } from '../../../modules/local/gfmtrust/merge_stores/main'
include { JOIN_TABLES  } from '../../../modules/local/gfmtrust/join_tables/main'
include { rowsToJoin   } from './inputs'

workflow PRECOMPUTE_SCORES {
    take:
    ch_fasta   // [meta, fasta]             e.g. [[id: 'GRCh38'], GRCh38.fa]; one
    ch_models  // [meta, folder or []]      as VCF_ANNOTATE_GFM takes them
    options    // map                       regions, contig_map, views, neighbours, score_store, code as VCF_ANNOTATE_GFM takes them
    parts      // number                    tasks per model

    main:
    def cohort = [id: 'cohort']
    def none = [cohort, []]
    def contig_map = options.contig_map in ['none', 'auto'] ? [options.contig_map, []] : ['file', options.contig_map]
    def beds = [cohort, options.regions.collect { entry -> entry[1] }]
    def given_store = options.score_store ?: none
    checked = CHECK_INPUTS(ch_fasta.map { meta, fasta -> [meta, fasta, []] }, [[], []], beds, none, contig_map, '', options.code)
    ch_genome = ch_fasta.combine(checked.fai).map { meta, fasta, _meta, fai -> [meta, fasta, fai] }.first()
    exported = EXPORT_MODEL(ch_models, ch_genome, options.code)
    ch_parts = exported.bundle
        .combine(channel.fromList((1..parts).toList()))
        .map { meta, bundle, part -> [[id: meta.id, digest: meta.digest, part: part, parts: parts], bundle] }
    scored = PRECOMPUTE(ch_parts, ch_genome, beds, given_store, contig_map, options.views, options.neighbours, options.code)
    // in the order of the parts: the order in which tasks end must not reach a task's hash
    ch_tables = scored.table
        .map { meta, table -> [meta.id, meta.part, table] }
        .groupTuple(by: 0, size: parts)
        .map { id, numbers, tables -> [[id: id], [numbers, tables].transpose().sort { pair -> pair[0] }.collect { pair -> pair[1] }] }
    joined = JOIN_TABLES(ch_tables, ch_genome, options.code)
    ch_new_rows = scored.new_rows.toList().flatMap { pairs -> rowsToJoin(pairs, options.score_store) }.map { rows -> [cohort, rows] }
    merged = MERGE_STORES(ch_new_rows, given_store, options.code)

    // named here, not under emit: the strict parser of Nextflow 25.04.0 loses an emit with a value of its own
    table = joined.table
    index = joined.index
    score_store = merged.store

    emit:
    table       // [meta, tsv.gz]
    index       // [meta, tbi or csi]
    score_store // [meta, folder]           none where there is neither a new row nor a store
}
