"""For machines: a thin driver for each kind of endpoint, nothing between socket and rule."""
