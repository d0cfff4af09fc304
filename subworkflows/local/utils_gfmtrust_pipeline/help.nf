//
// Help and start-up text, made from nextflow_schema.json.
//

include { parameterDefinitions } from './schema'

/** The help page: parameters by group; hidden ones and long texts only where asked for. */
def helpText(schema, version, full, hidden) {
    def lines = ["gfmtrust ${version}: ${schema.description}", '',
        '  nextflow run . --input samplesheet.csv --fasta genome.fa --outdir results',
        '  nextflow run . -profile test --outdir results', '']
    schema['$defs'].values().each { group ->
        def rows = group.properties.findAll { _name, definition -> hidden || full || !definition.hidden }
        if (rows) {
            lines << group.title
            rows.each { name, definition -> lines.addAll(parameterLines(name, definition, full, name in (group.required ?: []))) }
            lines << ''
        }
    }
    lines << (full ? 'docs/usage.md has examples.' : '--help <parameter> shows one parameter in full, --help_full all of them.')
    return lines.join('\n')
}

/** One parameter: name, kind, text, default. */
def parameterLines(name, definition, full, required) {
    def kind = definition['enum'] ? definition['enum'].join('|') : [definition.type].flatten().join('|')
    def standard = definition['default'] != null && definition['default'] != false ? " [${definition['default']}]" : required ? ' (required)' : ''
    def head = "  --${name.padRight(22)} ${kind}${standard}"
    return [head, "      ${definition.description}"] + (full && definition.help_text ? ["      ${definition.help_text}"] : [])
}

/** One parameter in full, or a line that says it does not exist. */
def parameterHelp(schema, name) {
    def definition = parameterDefinitions(schema)[name]
    if (!definition) {
        return "--${name}: unknown parameter; expected one of --help_full"
    }
    return parameterLines(name, definition, true, false).join('\n')
}

/** Parameters that differ from their default, by name: what this run is made of. */
def changedParameters(values, schema) {
    return parameterDefinitions(schema)
        .findAll { name, definition -> name != 'trace_report_suffix' && isChanged(values[name], definition['default']) }
        .collectEntries { name, _definition -> [name, values[name]] }
        .sort()
}

def isChanged(value, standard) {
    def both_numbers = value instanceof Number && standard instanceof Number
    return both_numbers ? (value <=> standard) != 0 : (value ?: '').toString() != (standard ?: '').toString()
}
