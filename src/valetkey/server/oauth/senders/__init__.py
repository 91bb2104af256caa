"""Bound to whom."""
