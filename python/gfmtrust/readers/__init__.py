"""Ways of reading DNA with a bundle: windows and views, sites, tiles, haplotypes, whole tokens,
imported scores."""
