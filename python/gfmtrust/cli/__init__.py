"""The `gfmtrust` command."""
