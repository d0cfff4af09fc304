"""Defines the vocabulary, columns, errors, measures and statistics that every other package uses;
it reads no data files."""
