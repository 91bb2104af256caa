"""The whole story on this machine: a platform, an app, and a user between them."""
