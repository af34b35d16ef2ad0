"""What happens to points later: sealing, merging, deleting, and proving that all is as it was written."""
