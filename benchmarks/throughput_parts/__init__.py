"""The parts of benchmarks/throughput.py: classes of networks, the timed runs, and the table."""
