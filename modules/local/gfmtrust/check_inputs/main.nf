include { named  } from '../../shell'
include { quoted } from '../../shell'

process CHECK_INPUTS {
    tag "${meta.id}"
    label 'process_low'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(fasta), path(background_fasta, stageAs: 'background/*')
    tuple val(ids), path(vcfs, stageAs: 'vcfs/?/*')
    tuple val(meta2), path(regions, stageAs: 'regions/*')
    tuple val(meta3), path(include_bed, stageAs: 'include/*')
    tuple val(contig_map), path(contig_map_file, stageAs: 'contig_map/*')
    val af_key
    val code

    output:
    tuple val(meta), path('checked'), emit: checked
    // index of the genome, made once for all later tasks
    tuple val(meta), path('checked/*.{fai,gzi}', arity: '0..*'), emit: fai
    // genome and background in one FASTA, with its index, where there is a background
    tuple val(meta), path('checked/joined.fa'), path('checked/joined.fa.fai'), emit: joined, optional: true
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    def args = task.ext.args ?: ''
    // a table, not arguments: a cohort may have more files than a command line holds
    def files = vcfs instanceof List ? vcfs : [vcfs]
    def table = ids.withIndex().collect { id, index -> "${named(id)}\t${files[index]}" }.join('\n')
    def background_option = background_fasta ? "--background_fasta ${background_fasta}" : ''
    def vcfs_option = ids ? '--vcfs vcfs.tsv' : ''
    def regions_option = regions ? "--regions ${regions}" : ''
    def include_option = include_bed ? "--include ${include_bed}" : ''
    def map_option = contig_map_file ? "--contig_map ${contig_map_file}" : "--contig_map ${quoted(contig_map)}"
    def key_option = af_key ? "--af_key ${quoted(af_key)}" : ''
    """
    cat > vcfs.tsv <<'END_OF_TABLE'
${table}
END_OF_TABLE
    gfmtrust check_inputs \\
        --fasta ${fasta} ${background_option} \\
        ${vcfs_option} ${regions_option} ${include_option} ${map_option} ${key_option} \\
        --cpus ${task.cpus} \\
        --out_dir checked \\
        ${args}
    """

    stub:
    def stub_ids = ids.collect { id -> named(id) }.join(' ')
    def stub_joined = background_fasta ? 'touch checked/joined.fa checked/joined.fa.fai' : ''
    """
    mkdir -p checked/spellings
    echo '{}' > checked/checks.json
    for id in ${stub_ids}; do touch "checked/spellings/\$id.parquet"; done
    touch checked/${fasta}.fai
    ${stub_joined}
    """
}
