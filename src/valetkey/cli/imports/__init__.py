"""`valetkey import`: moves users from another system."""
