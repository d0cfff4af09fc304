//
// Checks values against nextflow_schema.json and assets/schema_input.json (JSON Schema 2020-12, the part that they use).
// Functions of values alone: no params, no channels. The same schemas are checked with `jsonschema` in the tests.
//

/** The parsed JSON of a schema file. */
def readSchema(path) {
    return new groovy.json.JsonSlurper().parse(path.toFile())
}

/** All parameters of a pipeline schema, in order: name -> definition. */
def parameterDefinitions(schema) {
    return schema['$defs'].values().collectEntries { group -> group.properties }
}

/** All required parameters of a pipeline schema. */
def requiredParameters(schema) {
    return schema['$defs'].values().collectMany { group -> group.required ?: [] }
}

/** Parameters that differ from their default, by name: what this run is made of. */
def changedParameters(values, schema) {
    return parameterDefinitions(schema)
        .findAll { name, definition -> name != 'trace_report_suffix' && isChanged(values[name] == null ? null : coerced(values[name], definition), definition['default']) }
        .collectEntries { name, _definition -> [name, values[name]] }
        .sort()
}

def isChanged(value, standard) {
    def both_numbers = value instanceof Number && standard instanceof Number
    return both_numbers ? (value <=> standard) != 0 : textOrNothing(value) != textOrNothing(standard)
}

/** The text of a value, '' where it is not given; 0 is a value. */
def textOrNothing(value) {
    return value == null || value == false ? '' : value.toString()
}

/**
 * Errors of parameters, one line each; an empty list is a pass.
 * values: name -> value as Nextflow holds it; null means not given.
 */
def parameterErrors(values, schema) {
    def definitions = parameterDefinitions(schema)
    def given = values.findAll { _name, value -> value != null }
    def unknown = unknownParameters(given.keySet(), definitions.keySet())
    def missing = requiredParameters(schema)
        .findAll { name -> !given.containsKey(name) }
        .collect { name -> "--${name}: missing; expected ${article(definitions[name])}; see --help ${name}" }
    def wrong = given.findAll { name, _value -> definitions.containsKey(name) }
        .collectMany { name, value -> valueErrors(coerced(value, definitions[name]), definitions[name]).collect { text -> "--${name}: ${text}" } }
    return unknown + missing + wrong
}

/** Lines about names that the schema does not have, each with the nearest name that it has. */
def unknownParameters(names, known) {
    // Nextflow keeps --max-n both as max-n and as maxN: only the form that was typed is named
    def camel = names.findAll { name -> name.contains('-') }.collect { name -> camelCase(name) }
    return names
        .findAll { name -> !known.contains(name) && !camel.contains(name) && !name.startsWith('config_profile_') }
        .collect { name -> "--${name}: unknown parameter; expected one of --help_full" + suggestion(name, known) }
}

def camelCase(name) {
    def words = name.tokenize('-')
    return words.head() + words.tail().collect { word -> word.capitalize() }.join('')
}

/** '; did you mean --models?', or nothing where no known name is near. */
def suggestion(name, known) {
    def nearest = known.min { candidate -> editDistance(name.toLowerCase().replace('-', '_'), candidate) }
    def near = editDistance(name.toLowerCase().replace('-', '_'), nearest) <= Math.max(2, name.size().intdiv(3))
    return near ? "; did you mean --${nearest}?" : ''
}

/** Levenshtein distance, row by row. */
def editDistance(left, right) {
    def first = (0..right.size()).collect { column -> column }
    return left.toList().withIndex().inject(first) { above, pair ->
        def letter = pair[0]
        def start = [pair[1] + 1]
        right.toList().withIndex().inject(start) { row, other ->
            def column = other[1]
            def swap = above[column] + (letter == other[0] ? 0 : 1)
            row + [[swap, above[column + 1] + 1, row[column] + 1].min()]
        }
    }.last()
}

/** The value in the type that its definition asks for: the command line guesses types (--models 1 is a number). */
def coerced(value, definition) {
    def types = [definition.type].flatten()
    if (value instanceof CharSequence) {
        def text = value.toString()
        if (types.contains('boolean') && text in ['true', 'false']) {
            return text == 'true'
        }
        if (types.contains('integer') && text ==~ /-?\d{1,18}/) {
            return text.toLong()
        }
        if (types.contains('number') && text ==~ /-?\d+(\.\d+)?([eE][-+]?\d+)?/) {
            return text.toBigDecimal()
        }
        return text
    }
    if (!types.contains('string')) {
        return value
    }
    def fits = (value instanceof Boolean && types.contains('boolean')) || (isWhole(value) && types.contains('integer'))
    return fits ? value : value.toString()
}

def isWhole(value) {
    return value instanceof Number && value == value.toBigDecimal().toBigInteger()
}

/** What is wrong with one value, in words: "'gpu'; expected one of auto, cpu, cuda". */
def valueErrors(value, definition) {
    if (!hasType(value, definition)) {
        return ["'${shown(value)}'; expected ${article(definition)}"]
    }
    def expected = definition.errorMessage
    def faults = []
    if (definition['enum'] != null && !(value in definition['enum'])) {
        faults << (expected ?: "expected one of ${definition['enum'].join(', ')}")
    }
    if (value instanceof CharSequence) {
        faults.addAll(textFaults(value.toString(), definition))
    }
    if (value instanceof Number) {
        faults.addAll(numberFaults(value, definition))
    }
    return faults.collect { fault -> "'${shown(value)}'; ${fault}" }
}

def hasType(value, definition) {
    return [definition.type].flatten().any { type ->
        (type == 'string' && value instanceof CharSequence) || (type == 'boolean' && value instanceof Boolean)
            || (type == 'number' && value instanceof Number) || (type == 'integer' && isWhole(value))
    }
}

def textFaults(text, definition) {
    def expected = definition.errorMessage
    def faults = []
    if (definition.minLength != null && text.size() < definition.minLength) {
        faults << (expected ?: "expected at least ${definition.minLength} letters")
    }
    if (definition.maxLength != null && text.size() > definition.maxLength) {
        faults << (expected ?: "expected at most ${definition.maxLength} letters")
    }
    if (definition.pattern && !matchesPattern(text, definition.pattern)) {
        faults << (expected ?: "expected ${definition.pattern}")
    }
    return faults
}

/** JSON Schema searches; only \n ends a line, as in Python and unlike Java's default, which lets 'a\r' pass `^a$`. */
def matchesPattern(text, pattern) {
    return java.util.regex.Pattern.compile(pattern, java.util.regex.Pattern.UNIX_LINES).matcher(text).find()
}

def numberFaults(value, definition) {
    def faults = []
    if (definition.minimum != null && value < definition.minimum) {
        faults << "expected at least ${definition.minimum}"
    }
    if (definition.maximum != null && value > definition.maximum) {
        faults << "expected at most ${definition.maximum}"
    }
    if (definition.exclusiveMinimum != null && value <= definition.exclusiveMinimum) {
        faults << "expected more than ${definition.exclusiveMinimum}"
    }
    if (definition.exclusiveMaximum != null && value >= definition.exclusiveMaximum) {
        faults << "expected less than ${definition.exclusiveMaximum}"
    }
    return faults
}

/** 'a number', 'an integer', 'one of a, b': the expected value in words. */
def article(definition) {
    if (definition['enum']) {
        return "one of ${definition['enum'].join(', ')}"
    }
    def kind = definition.format == 'file-path' ? 'file' : definition.format == 'directory-path' ? 'folder' : [definition.type].flatten().join(' or ')
    return (kind[0] in ['a', 'e', 'i', 'o', 'u'] ? 'an ' : 'a ') + kind
}

/** A value fit for a message: control characters as \xNN, at most 200 letters. */
def shown(value) {
    def text = value.toString()
    def cut = text.size() > 200 ? text.take(200) + '...' : text
    return cut.collect { letter -> (letter as char) < ' ' as char || letter == '\u007f' ? String.format('\\x%02x', (int) (letter as char)) : letter }.join('')
}
