"""The nouns of the tool, its columns, errors and measures, and the statistics they rest on; no
files."""
