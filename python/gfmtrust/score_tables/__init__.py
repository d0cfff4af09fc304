"""Tables of scores that somebody else made, read by region: their layouts, and the rows at given
bases and alleles."""
