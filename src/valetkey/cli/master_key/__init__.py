"""The master key: its file, its replacement, and the key service that wraps it."""
