"""Vocabulary, columns, errors, measures and statistics, which every other package uses; no file
is read here."""
