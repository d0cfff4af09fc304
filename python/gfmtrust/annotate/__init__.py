"""The user's VCF and BED files with the measures and flags of a run."""
