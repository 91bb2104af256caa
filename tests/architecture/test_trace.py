"""A feature that is switched off is not on the way of a token request (`bench.trace`)."""

import asyncio
from pathlib import Path

import pytest
from bench.trace import SOURCE, Trace, trace

ROOT = Path(__file__).parents[2]

MOST = {"code exchange": (150, 46), "refresh": (123, 38)}
"""Functions and files that a request enters, the cache of the store among them: fewer than this."""

OFF = (
    *("core/rar.py", "core/shard_policy.py", "clients/documents.py", "signals/fan_out.py"),
    *("authorize/grant_management.py", "endpoints/grant_management.py", "endpoints/api_half.py"),
    *("issue/status.py", "issue/expiration.py", "senders/dpop.py", "senders/mtls.py"),
)


@pytest.fixture(scope="module")
def traces() -> dict[str, Trace]:
    return asyncio.run(trace())


@pytest.mark.parametrize("operation", MOST)
def test_what_is_off_is_not_entered(traces: dict[str, Trace], operation: str) -> None:
    assert all((SOURCE / "server/oauth" / path).exists() for path in OFF)
    entered = traces[operation].functions
    assert not entered.keys() & {f"server/oauth/{path}" for path in OFF}
    assert not [path for path in entered if path.startswith("server/oauth/shards/")]


@pytest.mark.parametrize("operation", MOST)
def test_a_request_enters_few_functions(traces: dict[str, Trace], operation: str) -> None:
    functions, files = traces[operation].counts
    most_functions, most_files = MOST[operation]
    assert functions < most_functions
    assert files < most_files


def test_the_architecture_page_has_these_numbers(traces: dict[str, Trace]) -> None:
    page = " ".join((ROOT / "docs/architecture.md").read_text().split())
    exchange, refresh = (traces[one].counts for one in MOST)
    assert (
        f"a code exchange enters {exchange[0]} functions in {exchange[1]} files, and a refresh "
        f"{refresh[0]} in {refresh[1]}."
    ) in page


def test_a_lambda_counts_as_its_function(traces: dict[str, Trace]) -> None:
    names = {name for names in traces["code exchange"].functions.values() for name in names}
    assert not [name for name in names if ".<locals>.<" in name]
