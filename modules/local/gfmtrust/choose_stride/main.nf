process CHOOSE_STRIDE {
    tag "${meta.id}"
    label 'process_medium'
    label 'process_gpu'

    conda "${moduleDir}/environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(bundle, stageAs: 'bundles/*')
    tuple val(meta2), path(fasta), path(fai)
    tuple val(meta3), path(plan)
    val views
    val region_stride
    val code

    output:
    tuple val(meta), path('*.stride.json'), emit: stride
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    // device and limits come by ext.args: they belong to the task's hash (conf/modules.config)
    def args = task.ext.args ?: ''
    def name = named(meta.id)
    """
    gfmtrust choose_stride \\
        --fasta ${fasta} \\
        --bundle ${bundle} \\
        --plan ${plan} \\
        --views ${quoted(views)} \\
        --region_stride ${quoted(region_stride)} \\
        --cpus ${task.cpus} \\
        --out "${name}.stride.json" \\
        ${args}
    """

    stub:
    def name = named(meta.id)
    """
    echo '{}' > "${name}.stride.json"
    """
}

/** The text as one word of a shell, whatever it holds. */
def quoted(text) {
    return "'" + text.toString().replace("'", "'\\''") + "'"
}

/** The name, where it can stand in a shell and as a file. */
def named(name) {
    if (!(name.toString() ==~ /[A-Za-z0-9][A-Za-z0-9_.-]{0,127}/)) {
        error("id '${name}'; expected [A-Za-z0-9][A-Za-z0-9_.-]{0,127}; rename it")
    }
    return name
}
