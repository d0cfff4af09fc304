"""Measurements of speed, memory and quality; nothing here is needed to run the pipeline."""
