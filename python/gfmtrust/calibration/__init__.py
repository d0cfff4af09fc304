"""From probes and labels to a reliability, its certificates and the flags."""
