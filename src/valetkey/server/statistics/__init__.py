"""Statistics: what is counted beside commits, and how it is read."""
