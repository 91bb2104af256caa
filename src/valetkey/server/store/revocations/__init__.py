"""What narrows or ends access, kept a second time beside the database, so that no restore of an
older backup brings it back."""
