"""Files read and written whole: compression, FASTA, BED, VCF, Parquet; one module per format."""
