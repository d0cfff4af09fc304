include { quoted } from '../../shell'

process PLAN_SITES {
    tag "${meta.id}"
    label 'process_low'

    conda "${projectDir}/containers/score.environment.yml"
    container 'gfmtrust/score:0.1.0'

    input:
    tuple val(meta), path(fasta), path(fai)
    tuple val(meta2), path(checked)
    tuple val(meta3), path(context_model)
    tuple val(meta4), path(regions, stageAs: 'regions/*')
    tuple val(meta5), path(include_bed, stageAs: 'include/*')
    tuple val(contig_map), path(contig_map_file, stageAs: 'contig_map/*')
    tuple val(meta6), path(population_vcf, stageAs: 'population/*'), path(population_index, stageAs: 'population/*')
    tuple val(meta7), path(copy_index, stageAs: 'copies/*')
    val probes
    val shard_size
    val max_allele
    val seed
    val code

    output:
    tuple val(meta), path('plan'), emit: plan
    tuple val(meta), path('plan/shards/*.parquet'), emit: shards
    tuple val(meta), path('copies.parquet'), emit: copies
    tuple val("${task.process}"), val('gfmtrust'), eval('gfmtrust --version'), emit: versions_gfmtrust, topic: versions

    script:
    def args = task.ext.args ?: ''
    def regions_option = regions ? "--regions ${regions}" : ''
    def include_option = include_bed ? "--include ${include_bed}" : ''
    def map_option = contig_map_file ? "--contig_map ${contig_map_file}" : "--contig_map ${quoted(contig_map)}"
    def copies_option = copy_index ? "--copy_index ${copy_index}" : ''
    def population_option = population_vcf ? "--population_vcf ${population_vcf}" : ''
    """
    gfmtrust plan_sites \\
        --fasta ${fasta} \\
        --checked ${checked} \\
        --context_model ${context_model} \\
        ${regions_option} ${include_option} ${map_option} ${population_option} \\
        ${copies_option} \\
        --probes ${quoted(probes)} \\
        --shard_size ${quoted(shard_size)} \\
        --max_allele ${quoted(max_allele)} \\
        --seed ${quoted(seed)} \\
        --cpus ${task.cpus} \\
        --out_dir plan \\
        ${args}
    # beside the plan: Nextflow publishes no file of a folder that is an output itself
    cp plan/copies.parquet copies.parquet
    """

    stub:
    """
    mkdir -p plan/shards
    echo '{}' > plan/plan.json
    touch plan/probes.parquet plan/heldout.parquet plan/alleles.parquet plan/spellings.parquet plan/copies.parquet copies.parquet
    touch plan/shards/shard_00000.parquet plan/shards/shard_00001.parquet
    """
}
