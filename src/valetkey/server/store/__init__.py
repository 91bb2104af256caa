"""Where records are kept: one port, several stores."""
