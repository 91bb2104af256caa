"""The rules of the endpoints beside authorization and token."""
