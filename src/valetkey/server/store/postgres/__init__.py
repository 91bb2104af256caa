"""The store for more than one machine: PostgreSQL, the same port. Needs the extra `postgres`."""

from valetkey.server.store.postgres.store import PostgresStore
from valetkey.server.store.postgres.survey import UnsafeDatabase, look, refuse_older

__all__ = ["PostgresStore", "UnsafeDatabase", "look", "refuse_older"]
