"""What is to be scored: alleles, probes and region bases, each site once, cut into shards."""
