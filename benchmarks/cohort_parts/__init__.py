"""Generated cohorts, and the steps that the benchmarks of cohorts run on them."""
