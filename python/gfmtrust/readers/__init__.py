"""Ways of reading DNA with a model, one file each: masked, causal, counts, whole tokens, external
tables.

`registry.reader_of` chooses one for a bundle; `reader` is what they share, `windows`, `views`,
`neighbours`, `tiles` and `haplotypes` are its parts.
"""
