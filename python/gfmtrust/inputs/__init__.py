"""Checks the user's files against the genome: VCFs, BEDs, contig names, alleles, labels."""
