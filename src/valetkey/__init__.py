"""valetkey: let an app use your API on a user's behalf, without ever seeing the password."""

__version__ = "0.1.0"
