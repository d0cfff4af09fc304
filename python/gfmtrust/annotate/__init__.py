"""Writes the measures and flags of a run into the user's VCF and BED files."""
