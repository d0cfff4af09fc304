include { quoted } from '../../shell'

process READ_SHEET {
    tag "${meta.id}"
    label 'process_single'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(sheet, stageAs: 'sheet/*')
    tuple val(meta2), path(schema)
    val folders
    val code

    output:
    tuple val(meta), path('samplesheet.json'), emit: table
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    def args = task.ext.args ?: ''
    def folder_options = folders.collect { folder -> quoted(folder) }.join(' ')
    """
    gfmtrust read_sheet \\
        --input ${sheet} \\
        --schema ${schema} \\
        --folders ${folder_options} \\
        --out samplesheet.json \\
        ${args}
    """

    // a stub run reads the sheet as well: its rows decide which tasks there are
    stub:
    def folder_options = folders.collect { folder -> quoted(folder) }.join(' ')
    """
    gfmtrust read_sheet \\
        --input ${sheet} \\
        --schema ${schema} \\
        --folders ${folder_options} \\
        --out samplesheet.json
    """
}
