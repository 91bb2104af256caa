"""For what: one file for each grant type."""
