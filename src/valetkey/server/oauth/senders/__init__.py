"""Tokens bound to a key or a certificate: DPoP, mutual TLS, bearer."""
