"""Scores one shard of sites, chooses the stride, scores the negative controls, and estimates the
cost of a run."""
