"""The memory store keeps the promises of the store."""

import pytest
from tests.server.store.contract import StoreContract, test_there_is_a_sample_of_every_record

from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.port import Store

__all__ = ["TestMemoryStore", "test_there_is_a_sample_of_every_record"]


@pytest.fixture
def store() -> Store:
    return MemoryStore()


class TestMemoryStore(StoreContract):
    """See the contract."""
