"""Scores one shard of sites, and what surrounds it: strides, negative controls, the estimate of a
run."""
