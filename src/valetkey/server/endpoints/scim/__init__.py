"""SCIM 2.0 (RFC 7643, 7644): another system provisions its users and groups here."""
