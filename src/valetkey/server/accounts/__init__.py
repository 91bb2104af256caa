"""People: passwords, sign-in, and the pace of guessing. Pure, like `oauth`."""
