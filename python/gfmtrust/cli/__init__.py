"""The `gfmtrust` command: options, and one function per step without logic."""
