"""The promises of the port, as tests: every store must pass them all.

A test module for a store subclasses `StoreContract` and brings the fixture `store`.
"""

import pytest
from tests.store import samples
from tests.store.promised_batches import Batches
from tests.store.promised_counts import Counts
from tests.store.promised_log import Logs
from tests.store.promised_races import Races
from tests.store.promised_reads import Reads
from tests.store.promised_writes import Writes

from valetkey.store.port import RECORDS


def test_there_is_a_sample_of_every_record() -> None:
    assert {type(record) for record in samples.FULL} == set(RECORDS)


@pytest.mark.anyio
class StoreContract(Writes, Reads, Races, Counts, Batches, Logs):
    """Promise by promise."""
