//
// Files and lists of VCF_ANNOTATE_GFM in the form and the order in which its steps take them.
//

/** What is said of the ids that several rows [meta, vcf] have, which would be two results of one name; '' where there is none. */
def repeatedIds(rows) {
    return rows.countBy { row -> row[0].id }
        .findAll { _id, count -> count > 1 }
        .collect { id, count -> "VCF_ANNOTATE_GFM: id ${id} ${count} times; expected unique; add what tells the files apart to meta.id" }
        .join('\n')
}

/** Rows [meta, vcf] as [ids, vcfs]. */
def idsAndFiles(rows) {
    return [rows.collect { row -> row[0].id }, rows.collect { row -> row[1] }]
}

/** Files of [meta, file] pairs in order of name: the order in which tasks end must not reach a task's hash. */
def filesByName(pairs) {
    return pairs.collect { pair -> pair[1] }.sort { path -> path.name }
}

/** Folders of new rows, all of one name, in order of model and shard. */
def rowsInOrder(pairs) {
    return pairs.sort { pair -> "${pair[0].id} ${pair[0].shard}".toString() }.collect { pair -> pair[1] }
}

/** Files of [meta, file] pairs of models in the order of the ensemble: the context model first, then as given, then by id. */
def inModelOrder(pairs) {
    return pairs.sort { left, right -> orderOf(left[0]) <=> orderOf(right[0]) ?: left[0].id <=> right[0].id }.collect { pair -> pair[1] }
}

/** The place of a model among the others: 0 is that of the context model, 1 that of a model without one. */
def orderOf(meta) {
    return meta.order == null ? 1 : meta.order
}

/** A file and the index of tabix beside it, [] where there is none. */
def withIndex(path) {
    return [path, ['tbi', 'csi'].collect { ending -> path.resolveSibling("${path.name}.${ending}") }.find { index -> index.exists() } ?: []]
}

/** The VCF of a population and its index; [] and [] where there is no VCF. */
def indexedPopulation(vcf) {
    def pair = vcf ? withIndex(vcf) : [[], []]
    if (vcf && !pair[1]) {
        error("--population_vcf: ${vcf} has no index; expected ${vcf.name}.tbi or ${vcf.name}.csi beside it; make it with tabix -p vcf ${vcf.name}")
    }
    return pair
}

/** A table of scores and its index where it is read by region: an indexed table or a bigWig; else none of both. */
def readByRegion(table, index) {
    return index || table.name.toLowerCase() ==~ /.*\.(bw|bigwig)/ ? [table, index] : [[], []]
}

/** --contig_map as [mode, file or []]. */
def contigMap(value) {
    return value in ['none', 'auto'] ? [value, []] : ['file', value]
}
