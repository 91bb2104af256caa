"""What an app's backend remembers of devices, and what it tells them of an interrupted key."""

import pytest
from starlette.requests import Request
from tests.client.serving import METADATA, Serving
from tests.rows import row

from valetkey.client import App, KeyInterrupted, KeyPaused, KeyStopped, MemoryStore, Tokens
from valetkey.client import holder_service as service
from valetkey.client.drivers import Driver
from valetkey.client.errors import ClientError, KeySuspended
from valetkey.client.holder_service import ProofOfKey, _refusal
from valetkey.client.proof_key import Prover
from valetkey.client.shard_client import Here

ADDRESS = "https://backend.example/shard"


def asks(by: Prover) -> Request:
    proof = by.prove("POST", f"{ADDRESS}/handle")
    return Request(
        {
            "type": "http",
            "method": "POST",
            "path": "/shard/handle",
            "query_string": b"",
            "headers": [(b"dpop", proof.encode())],
        }
    )


def test_of_strangers_it_remembers_nothing() -> None:
    mine = Prover.new()
    who = ProofOfKey(ADDRESS, is_known=lambda thumbprint: thumbprint == mine.thumbprint)
    for _ in range(3):
        assert who(asks(Prover.new())) is None
    assert who._seen == {}
    request = asks(mine)
    assert (who(request), who(request)) == (mine.thumbprint, None)


def test_what_it_remembers_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_SEEN", 3)
    who, first = ProofOfKey(ADDRESS), asks(Prover.new())
    assert who(first)
    for _ in range(5):
        assert who(asks(Prover.new()))
    assert len(who._seen) == 3


REFUSALS = [
    row(
        "decision 92", "paused", KeyPaused("paused"), b'{"error":"invalid_grant","reason":"paused"}'
    ),
    row(
        "decision 92",
        "suspended",
        KeySuspended("suspended"),
        b'{"error":"key_suspended","reason":"key_suspended"}',
    ),
    row("decision 92", "over", KeyStopped("over"), b'{"error":"invalid_grant"}'),
]


@pytest.mark.parametrize("error,body", REFUSALS)
def test_a_device_learns_whether_it_passes(error: ClientError, body: bytes) -> None:
    assert _refusal(error).body == body


def test_a_backend_whose_shard_is_paused_says_so() -> None:
    serving, store = Serving(), MemoryStore()
    tokens = Tokens(access_token="", refresh_token="a shard", threshold=2)
    store.save(tokens)
    serving.replies[METADATA] = serving.metadata(
        key_shard_delivery_endpoint=f"{serving.url}/deliver"
    )
    serving.replies["/deliver"] = 400, b'{"error": "invalid_grant", "reason": "paused"}'
    app = App(issuer=serving.url, client_id="backend", secret="s", scope=())
    driver = Driver()
    with pytest.raises(KeyInterrupted) as raised:
        driver.run(Here(app, store).present(None))
    assert type(raised.value) is KeyPaused
    assert store.load() == tokens
    driver.close()
    serving.stop()
