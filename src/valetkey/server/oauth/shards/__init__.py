"""In whose hands: keys in several shards, an extension of our own."""
