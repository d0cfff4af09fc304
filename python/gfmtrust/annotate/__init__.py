"""The user's VCF and BED with the measures and flags of a run."""
