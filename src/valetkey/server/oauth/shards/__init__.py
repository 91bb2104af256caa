"""A key in several shards, an extension of our own."""
