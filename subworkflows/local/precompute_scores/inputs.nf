//
// What PRECOMPUTE_SCORES hands to its last step.
//

/**
 * What MERGE_STORES has to join: a list of one list, the folders of new rows of [meta, folder] pairs in order of model and part. Empty where there
 * is neither a row, as of bases within N, nor a store that was given.
 */
def rowsToJoin(pairs, score_store) {
    def rows = pairs.sort { pair -> [pair[0].id, String.format('%06d', pair[0].part)].join(' ') }.collect { pair -> pair[1] }
    return rows || score_store ? [rows] : []
}
