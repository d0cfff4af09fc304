include { quoted } from '../../shell'

process FIT_CONTEXT_MODEL {
    tag "${meta.id}"
    label 'process_single'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(fasta), path(fai)
    val seed
    val code

    output:
    tuple val(meta), path('context_model'), emit: bundle
    tuple val(meta), path('context_model/bundle.json'), emit: facts
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    def args = task.ext.args ?: ''
    """
    gfmtrust fit_context_model \\
        --fasta ${fasta} \\
        --seed ${quoted(seed)} \\
        --out_dir context_model \\
        ${args}
    """

    stub:
    """
    mkdir context_model
    echo '{}' > context_model/bundle.json
    touch context_model/model.onnx context_model/members.json
    """
}
