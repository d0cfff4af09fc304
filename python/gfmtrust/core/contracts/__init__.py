"""What one step tells the next: one frozen, versioned class for each file of facts, with one `read`
and one `write`."""
