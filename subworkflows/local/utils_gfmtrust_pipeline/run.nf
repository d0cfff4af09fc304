//
// Start of a run: help, checks, inputs as files. Values come in as arguments; `params` is read in main.nf.
//

include { readSchema           } from './schema'
include { parameterDefinitions } from './schema'
include { parameterErrors      } from './schema'
include { unknownParameters    } from './schema'
include { changedParameters    } from './schema'
include { sheetInput           } from './samplesheet'
include { helpText             } from './help'
include { parameterHelp        } from './help'
include { colours              } from './help'
include { errorText            } from './words'
include { isName               } from '../../../modules/local/shell'

/** Text for --help, --help <parameter>, --help_full and --version; null where the run is to go on. */
def informationText(values) {
    def schema = readSchema(file("${projectDir}/nextflow_schema.json"))
    if (values.version) {
        return "gfmtrust ${workflow.manifest.version}"
    }
    if (values.help instanceof CharSequence && !(values.help.toString() in ['true', 'false'])) {
        def name = values.help.toString().replaceFirst(/^--/, '')
        stopAt(unknownParameters([name], parameterDefinitions(schema).keySet()))
        return parameterHelp(schema, name, colours(values.monochrome_logs))
    }
    return values.help || values.help_full
        ? helpText(schema, workflow.manifest.version, values.help_full, values.show_hidden, colours(values.monochrome_logs))
        : null
}

/** Ends the run with the lines given, where there are any. */
def stopAt(errors) {
    if (errors) {
        error(errorText(errors))
    }
}

/**
 * Stops at parameters that the schema, or another parameter, does not allow. What the configuration of an institution sets for other
 * pipelines is accepted with one warning.
 */
def checkParameters(values) {
    def schema = readSchema(file("${projectDir}/nextflow_schema.json"))
    def foreign = institutionalParameters(values, parameterDefinitions(schema).keySet(), workflow.commandLine)
    if (foreign) {
        log.warn("a configuration sets ${foreign.collect { name -> "params.${name}" }.join(', ')}; this pipeline has no such parameter and ignores it")
    }
    def own = values.findAll { name, _value -> !(name in foreign) && name != 'precompute' }
    stopAt(parameterErrors(own, schema) + inputErrors(values, schema) + labelErrors(values))
}

/** Names that a configuration of an institution set: listed in assets/, unknown here, and not typed on the command line. */
def institutionalParameters(values, known, command_line) {
    def listed = file("${projectDir}/assets/institutional_parameters.txt").readLines().findAll { line -> line && !line.startsWith('#') }
    def typed = command_line.tokenize().findAll { word -> word.startsWith('--') }.collect { word -> word.drop(2).tokenize('=')[0] }
    return values.findAll { name, value -> value != null && name in listed && !(name in known) && !(name in typed) }.keySet().sort()
}

/** Local likelihood ratios are of labels, and a frozen calibration reads none. */
def labelErrors(values) {
    if (values.local_lr.toString() != 'true') {
        return []
    }
    def missing = values.labels ? [] : ["--local_lr: given without --labels; expected both; give a labelled VCF or leave it out"]
    def frozen = values.calibration ? ["--local_lr: given with --calibration; expected one of the two; run it without the frozen calibration"] : []
    return missing + frozen
}

/** What precompute.nf reads, beside what belongs to executors and to any run. */
def precomputeParameters() {
    return ['fasta', 'outdir', 'regions', 'contig_map', 'models', 'allow_untrained', 'device', 'precision', 'views', 'neighbours', 'max_n', 'allow_long_window',
        'shard_size', 'score_store', 'precompute_parts', 'heldout_contigs', 'publish_dir_mode']
}

/** What a run reads: the VCFs of --input, or with --regions_only the BEDs of --regions alone; precompute.nf needs neither. */
def inputErrors(values, schema) {
    if (isPrecompute(values)) {
        def always = ['executor_options', 'generic_options'].collectMany { group -> schema['$defs'][group].properties.keySet() }
        def unread = changedParameters(values, schema).findAll { name, value -> value != null && !(name in precomputeParameters() + always) }.keySet()
            .collect { name -> "--${name}: given to precompute.nf, which does not read it; expected what scoring in advance reads (docs/start/usage.md); leave it out" }
        return unread + (values.models ? [] : ["--models: missing; expected one or more for precompute.nf; the context model is not stored"])
    }
    if (values.regions_only.toString() != 'true') {
        return values.input ? [] : ["--input: missing; expected a file, or --regions_only; see --help input"]
    }
    def both = values.input ? ["--input: given with --regions_only; expected one of the two; leave one out"] : []
    def none = values.regions ? [] : ["--regions: missing; expected BED files, as --regions_only is given; see --help regions"]
    def unread = values.labels ? ["--labels: given with --regions_only; expected VCFs with the labelled alleles; leave one out"] : []
    return both + none + unread
}

/** Whether the run scores bases into a table and the store, and nothing else. */
def isPrecompute(values) {
    return values.containsKey('precompute')
}

/**
 * --score_store as [meta, folder], [] where it is not given. The digest stands for the files, which are named by their content. The folder
 * that this run publishes is no input: a run must not depend on what lies in --outdir.
 */
def storeEntry(values) {
    if (!values.score_store) {
        return []
    }
    def folder = inputPath('score_store', values.score_store)
    def published = file("${values.outdir}/score_store", glob: false)
    if (folder.toAbsolutePath().normalize() == published.toAbsolutePath().normalize()) {
        stopAt(["--score_store: ${values.score_store} is the folder that this run writes; expected another one; move it, or choose another --outdir"])
    }
    return [[id: 'score_store', digest: sha256(filesBelow(folder).collectMany { file -> [file.name, file.length()] })], folder]
}

/** One file or folder of a parameter; a name with brackets or stars is taken as it stands. */
def inputPath(name, value) {
    def path = file(value.toString(), glob: false)
    if (!path.exists()) {
        def other = value.toString().endsWith('.gz') ? value.toString().replaceFirst(/\.gz$/, '') : "${value}.gz"
        def near = file(other, glob: false).exists() ? "; ${other} does" : ''
        stopAt(["--${name}: ${value} does not exist; expected a path relative to the launch directory, or absolute${near}"])
    }
    return quotable(name, path)
}

/** The path, or a stop: Nextflow escapes spaces, quotes and brackets in the names of staged files, but not these. */
def quotable(name, path) {
    if (path.toString().find('[$*?\\p{Cntrl}]')) {
        stopAt(["--${name}: ${path.toString().replaceAll('\\p{Cntrl}', '?')}; expected a path without dollar, star, question mark and control characters; rename or link it"])
    }
    return path
}

/** A file of its own where the parameter is given, else an empty list (Nextflow's "no file"). */
def optionalPath(name, value) {
    return value ? inputPath(name, value) : []
}

/** What READ_SHEET is given; an empty list with --regions_only and in precompute.nf. */
def samplesheetOf(values) {
    return values.regions_only.toString() == 'true' || isPrecompute(values) ? [] : sheetInput(inputPath('input', values.input), workflow.launchDir)
}

/** Everything that VCF_ANNOTATE_GFM is given beside VCFs, genome and models. */
def annotationInputs(values, models) {
    def plain = ['views', 'neighbours', 'region_stride', 'probes', 'shard_size', 'max_allele', 'seed', 'af_key', 'external_key', 'label_key', 'label_values', 'label_cut',
        'looks', 'dry_run', 'audit'].collectEntries { name -> [name, values[name]] }
    def single = ['include', 'background_fasta', 'context_model', 'calibration', 'labels', 'population_vcf', 'background_vcf', 'copy_index'].collectEntries { name -> [name, optionalPath(name, values[name])] }
    return plain + single + [
        regions: regionEntries(values.regions),
        external_scores: externalEntries(values.external_scores, values.external_columns, models),
        contig_map: values.contig_map in ['none', 'auto'] ? values.contig_map : inputPath('contig_map', values.contig_map),
        score_store: storeEntry(values),
        title: values.title ?: 'gfmtrust report',
        code: packageDigest(),
    ]
}

/** MultiQC's configurations: ours, then the user's. */
def multiqcConfigs(values) {
    return [file("${projectDir}/assets/multiqc_config.yml"), optionalPath('multiqc_config', values.multiqc_config)].flatten()
}

/** The name that a BED's outputs carry: the rule of gfmtrust.core.names. */
def nameOfBed(path) {
    return path.name.replaceFirst(/(?i)(\.bed)?(\.b?gz)?$/, '').replaceAll(/[^A-Za-z0-9_.-]/, '_')
}

/** BED files of --regions (comma list or glob) as [meta, bed], sorted by name. */
def regionEntries(value) {
    if (!value) {
        return []
    }
    def whole = file(value.toString(), glob: false)
    def paths = whole.exists() ? [quotable('regions', whole)] : value.toString().tokenize(',').collectMany { part -> matchingFiles(part.trim()) }
    def entries = paths.collect { path -> [[id: nameOfBed(path)], path] }
    stopAt(entries.findAll { entry -> !isName(entry[0].id) }
        .collect { entry -> "--regions ${entry[1].name}, name: '${entry[0].id}'; expected [A-Za-z0-9][A-Za-z0-9_.-]{0,127}; rename the file" })
    stopAt(entries.groupBy { entry -> entry[0].id }.findAll { _id, same -> same.size() > 1 }
        .collect { id, same -> "--regions: ${same.collect { entry -> entry[1] }.join(' and ')}: name ${id} twice; expected unique; rename one" })
    return entries.sort { entry -> entry[0].id }
}

def matchingFiles(part) {
    def exact = file(part, glob: false)
    def found = exact.exists() ? [exact] : part ==~ /.*[*?\[{].*/ ? files(part) : []
    if (!found) {
        stopAt(["--regions: ${part} does not exist; expected BED files, comma-separated, or a glob pattern"])
    }
    return found.sort().collect { path -> quotable('regions', path) }
}

/**
 * Models in the order given, as [meta, folder or []]: a folder of weights, a bundle, a registered name, or a repository of the
 * hub at a commit, whose id is the last part of its name. meta.model is what EXPORT_MODEL is asked for where there is no folder.
 */
def modelEntries(value) {
    if (!value) {
        return []
    }
    def names = value.toString().tokenize(',').collect { name -> name.trim() }
    def known = registryNames()
    def entries = names.withIndex(1).collect { name, order ->
        def folder = file(name, glob: false)
        def commit = name =~ /^[A-Za-z0-9][A-Za-z0-9_.-]*\/([A-Za-z0-9][A-Za-z0-9_.-]*)@[0-9a-f]{40}$/
        if (commit.matches() && !folder.exists()) {
            return [[id: commit.group(1), order: order, model: name], []]
        }
        def local = !(name in known) && (name.contains('/') || folder.exists())
        if (local && !folder.exists() && name ==~ /[A-Za-z0-9][^\/]*\/[^\/]+/) {
            stopAt(["--models: ${name} is neither a folder nor a repository at a commit; expected a folder, or org/name@ and the 40 hex digits of a commit, because a branch moves"])
        }
        return local ? [[id: folder.name, order: order, digest: folderDigest(inputPath('models', name))], folder] : [[id: name, order: order, model: name], []]
    }
    stopAt(entries.findAll { meta, folder -> !folder && meta.model == meta.id && !(meta.id in known) }
        .collect { meta, _folder -> "--models: ${meta.id} is neither a folder nor a registered name; expected ${known.join(', ') ?: 'a folder'}" })
    stopAt(entries.findAll { meta, _folder -> !(meta.id ==~ /[A-Za-z0-9][A-Za-z0-9_.-]{0,63}/) || meta.id == 'context_model' }
        .collect { meta, _folder -> "--models: '${meta.id}'; expected a folder named [A-Za-z0-9][A-Za-z0-9_.-]{0,63}, not context_model; rename it" })
    stopAt(entries.countBy { meta, _folder -> meta.id }.findAll { _id, count -> count > 1 }
        .collect { id, _count -> "--models: ${id} twice; expected each model once; rename one folder" })
    return entries
}

/** Scores from elsewhere in the order given, after the models, as [meta, file]; each is written name=file. */
def externalEntries(value, columns, models) {
    def pairs = (value ?: '').toString().tokenize(',').collect { pair -> pair.trim() }
    stopAt(pairs.findAll { pair -> !(pair ==~ /[A-Za-z0-9][A-Za-z0-9_.-]{0,63}=.+/) || pair.startsWith('context_model=') }
        .collect { pair -> "--external_scores: ${pair}; expected name=file, a name of [A-Za-z0-9][A-Za-z0-9_.-]{0,63}, not context_model; see --help external_scores" })
    def layouts = layoutsByName(columns)
    def entries = pairs.withIndex(1).collect { pair, order ->
        def parts = pair.split('=', 2)
        [[id: parts[0], order: models.size() + order, layout: layouts[parts[0]] ?: ''], inputPath('external_scores', parts[1])]
    }
    stopAt(layouts.keySet().findAll { name -> !entries.any { entry -> entry[0].id == name } }
        .collect { name -> "--external_columns: ${name}; expected names of --external_scores; see --help external_columns" })
    stopAt((models + entries).countBy { entry -> entry[0].id }.findAll { _id, count -> count > 1 }
        .collect { id, _count -> "--external_scores: ${id} twice; expected a name that no other model has; choose another" })
    return entries
}

/** The layouts of --external_columns by the name of their scores; each is written name=layout. */
def layoutsByName(value) {
    def pairs = (value ?: '').toString().tokenize(',').collect { pair -> pair.trim() }
    stopAt(pairs.findAll { pair -> !(pair ==~ /[A-Za-z0-9][A-Za-z0-9_.-]{0,63}=[A-Za-z0-9_.:\/#-]+/) }
        .collect { pair -> "--external_columns: ${pair}; expected name=layout, letters, digits and _ . : / # - in the layout; see --help external_columns" })
    stopAt(pairs.countBy { pair -> pair.tokenize('=')[0] }.findAll { _name, count -> count > 1 }
        .collect { name, _count -> "--external_columns: ${name} twice; expected one layout per name; remove one" })
    return pairs.collectEntries { pair -> pair.split('=', 2).toList() }
}

/** Names in the first column of the registry of checkpoints. */
def registryNames() {
    def registry = file("${projectDir}/python/gfmtrust/models/data/models.csv")
    return registry.exists() ? registry.readLines().findAll { line -> line && !line.startsWith('#') }.drop(1).collect { line -> line.tokenize(',')[0] } : []
}

/**
 * Digest of a model folder: names, sizes and times of its files, and the text of the small ones (bundle.json holds the
 * digest of the graph). A folder staged from outside enters Nextflow's hash by its own path alone, so that a bundle
 * rebuilt in place would go unnoticed.
 */
def folderDigest(folder) {
    return sha256(filesBelow(folder).collectMany { file ->
        [file.name, file.length(), file.lastModified(), file.length() < 1024 * 1024 ? file.bytes.encodeHex() : '']
    })
}

/** Digest of the package's sources: code behind bin/ is not part of Nextflow's hash, so it travels as a value. */
def packageDigest() {
    def root = new File("${projectDir}")
    def sources = filesBelow(new File(root, 'python/gfmtrust')).findAll { file -> !file.path.contains('__pycache__') && !file.name.endsWith('.part') }
    def others = ['python/requirements/score.txt'].collect { name -> new File(root, name) }.findAll { file -> file.exists() }
    return sha256((sources + others).collectMany { file -> [file.path - root.path, file.getText('UTF-8')] })
}

def filesBelow(folder) {
    def found = []
    folder.toString().with { name -> new File(name) }.eachFileRecurse(groovy.io.FileType.FILES) { file -> found << file }
    return found.sort { file -> file.path }
}

def sha256(parts) {
    def digest = java.security.MessageDigest.getInstance('SHA-256')
    parts.each { part -> digest.update("${part.toString().size()}:${part}".getBytes('UTF-8')) }
    return digest.digest().encodeHex().toString()
}
