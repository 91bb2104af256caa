"""`valetkey doctor`, and what it checks."""
