"""The copy index: how many other places of the genome have the flanks of a site."""
