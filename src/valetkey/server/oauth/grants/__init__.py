"""A user's grant: limits, delegates, approvals, connections, use."""
