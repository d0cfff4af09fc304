include { quoted } from '../../shell'

process BENCHMARK_LABELS {
    tag "${meta.id}"
    label 'process_low'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(plan)
    tuple val(meta2), path(scores, stageAs: 'scores/*')
    tuple val(meta3), path(labels)
    tuple val(meta4), path(sites)
    val seed
    val code

    output:
    tuple val(meta), path('benchmark'), emit: benchmark
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    // the cut on the LLR comes by ext.args (conf/modules.config)
    def args = task.ext.args ?: ''
    """
    gfmtrust benchmark_labels \\
        --plan ${plan} \\
        --scores scores \\
        --labels ${labels} \\
        --sites ${sites} \\
        --seed ${quoted(seed)} \\
        --out_dir benchmark \\
        ${args}
    """

    stub:
    """
    mkdir benchmark
    echo '{}' > benchmark/benchmark.json
    touch benchmark/benchmark.svg benchmark/verdict.txt
    """
}
