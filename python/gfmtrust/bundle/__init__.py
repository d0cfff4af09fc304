"""Bundles: an exported model with its tokenizer, and the session that runs it."""
