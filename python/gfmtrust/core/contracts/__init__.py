"""The facts that one step passes to the next: one frozen, versioned class for each file of facts,
with one `read` and one `write`."""
