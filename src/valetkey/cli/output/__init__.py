"""How answers and errors are printed."""
