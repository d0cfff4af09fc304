"""What the user gives, checked against the genome: VCFs, BEDs, contig names, alleles, labels."""
