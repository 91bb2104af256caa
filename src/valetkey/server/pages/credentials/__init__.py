"""Passwords and e-mail addresses: their pages, and how to recover an account."""
