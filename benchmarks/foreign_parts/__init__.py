"""The parts of foreign_vcfs.py."""
