"""Plans a run: alleles, probes and region bases, each site once, divided into shards."""
