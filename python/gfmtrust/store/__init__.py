"""The score store: answers of networks that later runs look up, keyed by the letters that the model
read."""
