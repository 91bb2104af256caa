"""stefApp: a native app (RFC 8252) with a window of its own."""
