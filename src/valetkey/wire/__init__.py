"""What crosses the wire, both halves of each rule side by side."""
