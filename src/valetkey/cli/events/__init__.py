"""`valetkey events`: the audit log."""
