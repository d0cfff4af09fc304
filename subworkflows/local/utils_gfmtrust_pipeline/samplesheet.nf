//
// Reads a samplesheet (CSV, TSV, YAML, JSON) into rows and checks them against assets/schema_input.json.
//

include { valueErrors } from './schema'
include { shown       } from './schema'

/** Columns in which a cell may be left empty; an empty cell in any other known column is an error. */
def optionalCells() {
    return ['vcf_index', 'patient', 'status']
}

/**
 * Rows of a sheet: [row: number as a spreadsheet shows it, cells: [column: text]], and the error that kept it from being read.
 * A byte-order mark and CRLF are accepted; lines without any cell are left out.
 */
def readSheet(path) {
    if (path.size() > 10 * 1024 * 1024) {
        return [rows: [], errors: ["${path.name}: larger than 10 MiB; expected a samplesheet"]]
    }
    def text = path.getText('UTF-8').replaceFirst('^\uFEFF', '')
    if (text.contains('\u0000') || text.contains('\uFFFD')) {
        return [rows: [], errors: ["${path.name}: not UTF-8 text; expected UTF-8; convert it with iconv"]]
    }
    return path.name ==~ /.*\.(csv|tsv)/ ? tableRows(text, path.name) : listRows(text, path.name)
}

def tableRows(text, name) {
    def table = separatedCells(text, name.endsWith('.tsv') ? '\t' : ',')
        .withIndex(1)
        .findAll { cells, _number -> cells.any { cell -> cell.trim() } }
    if (table.size() < 2) {
        return [rows: [], errors: ["${name}: 0 rows; expected a header with sample,vcf and one row for each VCF"]]
    }
    def header = table.head()[0].collect { column -> column.trim() }
    def repeated = header.countBy { column -> column }.findAll { _column, count -> count > 1 }.keySet()
    if (repeated) {
        return [rows: [], errors: ["${name} row 1: column ${shown(repeated.first())} twice; expected each column once"]]
    }
    def errors = table.tail()
        .findAll { cells, _number -> cells.size() != header.size() }
        .collect { cells, number -> "${name} row ${number}: ${cells.size()} cells; expected ${header.size()} as in the header" }
    def rows = table.tail().collect { cells, number -> [row: number, cells: [header, cells].transpose().collectEntries { column, cell -> [column, cell] }] }
    return [rows: errors ? [] : rows, errors: errors]
}

/** Cells of RFC 4180 text, line by line; a quoted cell may hold the separator, quotes ("") and line ends. */
def separatedCells(text, separator) {
    def cell = ~('(?s)(?:"((?:[^"]++|"")*+)"|([^' + separator + '\n]*?))(' + separator + '|\r?\n|\\z)')
    def lines = [[]]
    (text =~ cell).each { groups ->
        def quoted = groups[1]
        lines.last() << (quoted != null ? quoted.replace('""', '"') : groups[2])
        if (groups[3] != separator) {
            lines << []
        }
    }
    return lines
}

def listRows(text, name) {
    def content = null
    try {
        content = name.endsWith('.json')
            ? new groovy.json.JsonSlurper().parseText(text)
            : new org.yaml.snakeyaml.Yaml(new org.yaml.snakeyaml.constructor.SafeConstructor(new org.yaml.snakeyaml.LoaderOptions())).load(text)
    }
    catch (groovy.json.JsonException | org.yaml.snakeyaml.error.YAMLException error) {
        return [rows: [], errors: ["${name}: ${shown(error.message).take(120)}; expected a list of rows"]]
    }
    if (!(content instanceof List) || !content || content.any { entry -> !(entry instanceof Map) }) {
        return [rows: [], errors: ["${name}: no list of rows; expected [{sample: ..., vcf: ...}, ...]"]]
    }
    def rows = content.withIndex(1).collect { entry, number ->
        [row: number, cells: entry.collectEntries { column, cell -> [column.toString(), cell == null ? '' : cell.toString()] }]
    }
    return [rows: rows, errors: []]
}

/** Every fault of the rows, one line each: place, found, expected, remedy. */
def rowErrors(rows, schema, name) {
    def columns = schema.items.properties
    return rows.collectMany { row ->
        def missing = schema.items.required
            .findAll { column -> !row.cells.containsKey(column) }
            .collect { column -> "${name} row ${row.row}: no column ${column}; expected sample and vcf; add it" }
        def empty = row.cells
            .findAll { column, cell -> columns.containsKey(column) && !cell.trim() && !(column in optionalCells()) }
            .collect { column, _cell -> "${name} row ${row.row}, column ${column}: empty cell; expected a value; fill it in" }
        def wrong = row.cells
            .findAll { column, cell -> columns.containsKey(column) && cell.trim() }
            .collectMany { column, cell -> valueErrors(cell, columns[column]).collect { text -> "${name} row ${row.row}, column ${column}: ${text}" } }
        missing + empty + wrong
    }
}

/** `<sample>`, `<sample>.<vcf_id>` or `<sample>.<variantcaller>`. */
def rowId(cells) {
    def suffix = cells.vcf_id ?: cells.variantcaller
    return suffix ? "${cells.sample}.${suffix}".toString() : cells.sample
}

/** Ids that two rows share, and ids too long for a file name. */
def idErrors(rows, name) {
    def shared = rows.groupBy { row -> rowId(row.cells) }
        .findAll { _id, same -> same.size() > 1 }
        .collect { id, same ->
            def numbers = same.collect { row -> row.row }
            def places = numbers.size() == 2 ? numbers.join(' and ') : numbers.take(5).join(', ') + (numbers.size() > 5 ? ', ...' : '')
            "${name} rows ${places}: id ${id} ${same.size() == 2 ? 'twice' : same.size() + ' times'}; expected unique; add a vcf_id column"
        }
    def long_ids = rows.findAll { row -> rowId(row.cells).size() > 128 }
        .collect { row -> "${name} row ${row.row}: id of ${rowId(row.cells).size()} letters; expected at most 128; shorten it" }
    return shared + long_ids
}

/** A cell's file: as it stands if absolute or remote, else beside the sheet, else in the launch directory. */
def cellFile(cell, sheet_folder, launch_folder) {
    if (cell.startsWith('/') || cell ==~ /[a-z0-9]+:\/\/.*/) {
        return file(cell, glob: false)
    }
    def beside = sheet_folder.resolve(cell)
    return beside.exists() ? beside : launch_folder.resolve(cell)
}

/** Files that are named but absent. Remote files are left to the task that stages them. */
def fileErrors(rows, schema, name, sheet_folder, launch_folder) {
    def columns = schema.items.properties.findAll { _column, definition -> definition.exists }.keySet()
    return rows.collectMany { row ->
        columns
            .findAll { column -> row.cells[column] && !(row.cells[column] ==~ /[a-z0-9]+:\/\/.*/) }
            .findAll { column -> !cellFile(row.cells[column], sheet_folder, launch_folder).isFile() }
            .collect { column ->
                "${name} row ${row.row}, column ${column}: ${row.cells[column]} does not exist; expected a file beside the sheet, in the launch directory or an absolute path"
            }
    }
}

/**
 * A checked sheet: [entries: [[meta, vcf], ...] sorted by id, errors: lines, warnings: lines].
 * meta e.g. [id: 'S1.strelka', sample: 'S1', patient: 'P1', variantcaller: 'strelka'].
 */
def readSamplesheet(path, schema, launch_folder) {
    def sheet = readSheet(path)
    if (sheet.errors) {
        return [entries: [], errors: sheet.errors, warnings: []]
    }
    def folder = path.toAbsolutePath().parent
    def faults = rowErrors(sheet.rows, schema, path.name)
    def errors = faults ?: (idErrors(sheet.rows, path.name) ?: fileErrors(sheet.rows, schema, path.name, folder, launch_folder))
    if (errors) {
        return [entries: [], errors: errors, warnings: []]
    }
    def columns = schema.items.properties
    def unknown = sheet.rows.collectMany { row -> row.cells.keySet() }.unique().findAll { column -> !columns.containsKey(column) }
    def entries = sheet.rows.collect { row ->
        def carried = columns.findAll { column, definition -> definition.meta && row.cells[column] }.keySet()
        [[id: rowId(row.cells)] + carried.collectEntries { column -> [column, row.cells[column]] }, cellFile(row.cells.vcf, folder, launch_folder)]
    }
    def warnings = unknown.collect { column -> "${path.name}: column ${shown(column)} is not used; expected ${columns.keySet().join(', ')}" }
    // sorted, so that the order of rows changes neither the tasks nor a byte of the results
    return [entries: entries.sort { entry -> entry[0].id }, errors: [], warnings: warnings]
}
