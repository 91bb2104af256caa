"""What other servers are told: shared signals, streams, receivers."""
