"""Reading and writing of whole files, one module per format: FASTA, BED, VCF, Parquet,
compression."""
