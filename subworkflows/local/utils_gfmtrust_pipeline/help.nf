//
// The help page and the help of one parameter, made from nextflow_schema.json.
//

include { parameterDefinitions } from './schema'

def pageWidth() {
    return 100
}

/** The help page: parameters by group; hidden ones and long texts only where asked for. colours: of `colours`. */
def helpText(schema, version, full, hidden, colours) {
    def lines = wrapped("gfmtrust ${version}: ${schema.description}", '') + ['',
        '  nextflow run . --input samplesheet.csv --fasta genome.fa --outdir results',
        '  nextflow run . -profile test --outdir results', '']
    schema['$defs'].values().each { group ->
        def rows = group.properties.findAll { _name, definition -> hidden || full || !definition.hidden }
        if (rows) {
            lines << "${colours.title}${group.title}${colours.plain}"
            rows.each { name, definition -> lines.addAll(parameterLines(name, definition, full, name in (group.required ?: []), colours)) }
            lines << ''
        }
    }
    lines << (full ? 'docs/start/usage.md has examples.' : '--help <parameter> shows one parameter in full, --help_full all of them; docs/start/usage.md has examples.')
    return lines.join('\n')
}

/** One parameter: name, kind, default, text. */
def parameterLines(name, definition, full, required, colours) {
    def kind = definition['enum'] ? definition['enum'].join('|') : [definition.type].flatten().join('|')
    def standard = definition['default'] != null && definition['default'] != false ? " [${definition['default']}]" : required ? ' (required)' : ''
    def head = "  ${colours.name}--${name.padRight(22)}${colours.plain} ${colours.kind}${kind}${standard}${colours.plain}"
    return [head] + wrapped(definition.description, '      ') + (full && definition.help_text ? wrapped(definition.help_text, '      ') : [])
}

/** One parameter in full. */
def parameterHelp(schema, name, colours) {
    def required = schema['$defs'].values().any { group -> name in (group.required ?: []) }
    return parameterLines(name, parameterDefinitions(schema)[name], true, required, colours).join('\n')
}

/** The text in lines of at most `pageWidth` letters, each indented. */
def wrapped(text, indent) {
    return text.tokenize(' ').inject([]) { lines, word ->
        def fits = lines && lines.last().size() + 1 + word.size() <= pageWidth()
        fits ? lines.init() + ["${lines.last()} ${word}".toString()] : lines + ["${indent}${word}".toString()]
    }
}

/** Codes by use; empty texts where no colours are wanted or nobody looks. */
def colours(monochrome) {
    return System.console() == null || isMonochrome(monochrome, System.getenv(), workflow.commandLine ?: '')
        ? [title: '', name: '', kind: '', plain: '']
        : [title: '\033[1m', name: '\033[36m', kind: '\033[2m', plain: '\033[0m']
}

/** Whether colours are switched off: --monochrome_logs, NO_COLOR, NXF_ANSI_LOG=false, or -ansi-log false. */
def isMonochrome(monochrome, environment, command_line) {
    def by_option = monochrome.toString() == 'true' || (command_line =~ /-ansi-log[ =]false/).find()
    def by_environment = environment.NO_COLOR || environment.NXF_ANSI_LOG == 'false'
    return by_option || by_environment ? true : false
}
