"""Requests and replies, and the shell around the rules."""
