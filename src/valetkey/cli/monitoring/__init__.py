"""`valetkey top` and the tables of statistics."""
