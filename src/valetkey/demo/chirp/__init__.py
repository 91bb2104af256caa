"""Chirp, the platform: a small real API for posts, profile and direct messages."""
