"""What helps people at the command line: examples and completion."""
