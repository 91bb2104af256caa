"""Take this."""
