"""Checks of the results folder of a finished run: every digest of its manifest, and the scores of a
random part of its alleles, computed again."""
