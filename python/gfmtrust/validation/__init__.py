"""Proof of the promises on genomes whose truth is known, and benchmarks; nothing above imports it,
except `cli`."""
