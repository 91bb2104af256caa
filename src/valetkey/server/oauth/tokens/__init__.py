"""Authorization codes, refresh tokens, and the state of a token."""
