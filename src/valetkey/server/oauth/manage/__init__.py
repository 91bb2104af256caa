"""And later."""
