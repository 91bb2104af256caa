"""Moves apps, and what users granted them, from another authorization server."""
