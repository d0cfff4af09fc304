"""VCF files as records of raw bytes: read, annotated in column 8, and verified independently."""
