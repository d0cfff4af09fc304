"""From a checkpoint to a certified bundle: find, load, compare with torch, check, write."""
