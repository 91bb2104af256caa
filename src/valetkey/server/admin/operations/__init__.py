"""The operations of the administration API, by what they are about."""
