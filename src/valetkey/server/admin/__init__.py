"""Administration: one table of operations, from which the API, its document, the console and the
command line are made."""
