"""The store for more than one machine: PostgreSQL, the same port."""

from valetkey.store.postgres.store import PostgresStore, UnsafeDatabase

__all__ = ["PostgresStore", "UnsafeDatabase"]
