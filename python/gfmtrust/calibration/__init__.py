"""Fits a reliability and its certificates to probes and labels, and assigns the flags."""
