"""The registries' words, without logic: error codes, names, citations."""
