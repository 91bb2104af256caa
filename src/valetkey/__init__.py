"""valetkey: let an app use your API on a user's behalf, without ever seeing the password."""

__version__ = "0.2.0.dev0"
