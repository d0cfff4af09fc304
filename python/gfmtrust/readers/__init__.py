"""Ways of reading DNA with a bundle: windows, views, sites, tiles, haplotypes, whole tokens, and
imported scores."""
