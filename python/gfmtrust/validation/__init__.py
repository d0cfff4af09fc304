"""Tests of the promises on genomes with a known distribution, and benchmarks; only `cli` imports
it."""
