"""Sessions, and the ways to end them."""
