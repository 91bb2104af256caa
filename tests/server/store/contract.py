"""The promises of the port, as tests: every store must pass them all.

A test module for a store subclasses `StoreContract` and brings the fixture `store`.
"""

import pytest
from tests.server.store import samples
from tests.server.store.promised_batches import Batches
from tests.server.store.promised_counts import Counts
from tests.server.store.promised_log import Logs
from tests.server.store.promised_races import Races
from tests.server.store.promised_reads import Reads
from tests.server.store.promised_search import Additions, Searches
from tests.server.store.promised_writes import Writes

from valetkey.server.store.port import RECORDS


def test_there_is_a_sample_of_every_record() -> None:
    assert {type(record) for record in samples.FULL} == set(RECORDS)


@pytest.mark.anyio
class StoreContract(Writes, Reads, Races, Counts, Batches, Logs, Searches, Additions):
    """Promise by promise."""
