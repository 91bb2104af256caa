"""Clients: registration, metadata documents, authentication."""
