"""How numbers, times and columns look when they travel in or out."""
