"""The parts of benchmarks/gpn_duel.py: the sites, the two sides, and the figures."""
