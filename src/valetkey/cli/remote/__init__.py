"""Administration of a server from elsewhere: contexts, sign-in, commands from the operations."""
