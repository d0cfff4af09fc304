"""Writes what users read: the HTML report, the MultiQC tables, the tracks and the manifest."""
