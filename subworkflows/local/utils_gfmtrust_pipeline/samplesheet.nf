//
// The samplesheet of a run: what READ_SHEET is given, and its table as rows. Reading and checking are done by `gfmtrust read_sheet`;
// here stands what only Nextflow can do, because a task may not see the files: which of them exist.
// No include in this file: under the strict parser of Nextflow 25.04 a script with includes can be included from one place only.
//

/**
 * What READ_SHEET is given: [file, schema, folders that relative paths start from].
 *
 * path: the samplesheet; launch_folder: the second of the folders, for sheets of pipelines that were given a relative --outdir
 */
def sheetInput(path, launch_folder) {
    def folders = [path.toAbsolutePath().parent, launch_folder].collect { folder -> folder.toUriString() }
    return [path, file("${projectDir}/assets/schema_input.json"), folders]
}

/**
 * The table of READ_SHEET, from its content: [name: of the samplesheet, entries: [[meta, vcf], ...] sorted by id, errors: lines, warnings: lines].
 * meta e.g. [id: 'S1.strelka', sample: 'S1', patient: 'P1', variantcaller: 'strelka'].
 */
def sheetEntries(sheet) {
    def errors = sheet.entries.sort(false) { entry -> entry.row }.collectMany { entry ->
        ['vcf', 'vcf_index'].findAll { column -> entry[column] && !existingFile(entry[column]) }.collect { column ->
            "${sheet.name}, row ${entry.row}, column ${column}: ${entry[column].join(' and ')} not found; expected a file; correct the path".toString()
        }
    }
    def entries = errors ? [] : sheet.entries.collect { entry -> [entry.meta.collectEntries { name, text -> [name, text] }, existingFile(entry.vcf)] }
    return [name: sheet.name, entries: entries, errors: errors, warnings: sheet.warnings]
}

/** The entries of a sheet without errors, [[meta, vcf], ...]; its warnings and its size are logged. */
def loggedEntries(sheet) {
    sheet.warnings.each { text -> log.warn(text) }
    def n_samples = sheet.entries.collect { meta, _vcf -> meta.sample }.unique().size()
    log.info("${sheet.name}: ${sheet.entries.size()} ${sheet.entries.size() == 1 ? 'VCF' : 'VCFs'} of ${n_samples} ${n_samples == 1 ? 'sample' : 'samples'}")
    return sheet.entries
}

/** The first of the paths that is a file, null where there is none; a remote file is left to the task that stages it. */
def existingFile(paths) {
    def files = paths.collect { path -> file(path, glob: false) }
    return paths.size() == 1 && paths[0] ==~ /[a-z][a-z0-9+.-]*:\/\/.*/ ? files[0] : files.find { path -> path.isFile() }
}
