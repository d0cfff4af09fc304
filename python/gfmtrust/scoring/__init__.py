"""The scoring of one shard of sites, the stride, the negative controls, and the estimate of a
run."""
