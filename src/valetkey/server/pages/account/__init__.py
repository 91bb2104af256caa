"""The user's own account: security, sessions, activity, profile, and deletion."""
