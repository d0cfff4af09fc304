"""The audit of a model: what it knows about a genome, and whether it recalls and tracks, each number with a null and an interval."""
