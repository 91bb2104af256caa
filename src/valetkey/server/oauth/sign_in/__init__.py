"""Users who sign in elsewhere: what this server asks a platform, and what the answers come to."""
