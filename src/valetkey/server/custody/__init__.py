"""Custody of keys: services and devices that keep keys which this server only uses."""
