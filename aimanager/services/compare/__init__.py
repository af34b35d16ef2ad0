"""What made the difference: runs side by side, their values as columns, and which config keys matter."""
