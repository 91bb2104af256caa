"""How fast the server is, measured on this machine."""
