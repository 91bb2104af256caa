"""The audit log: records, the segments that seal them, verification, export, and streams."""
