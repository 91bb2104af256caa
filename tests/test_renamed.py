"""Old public names work for one more version, with a warning: every row of the tables."""

import asyncio
import importlib
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from valetkey import renamed
from valetkey.resource import Options, Principal, ResourceServer, SenderProof
from valetkey.resource.testing import issuing
from valetkey.wire.catalog import Catalog, Permission

CLASSES = {
    "ResourceServer": "valetkey.resource.server",
    "Blocking": "valetkey.resource.blocking",
    "Principal": "valetkey.resource.principal",
    "TrialKey": "valetkey.resource.testing",
    "Keys": "valetkey.resource.testing",
    "Key": "valetkey.client.key",
    "AsyncKey": "valetkey.client.async_key",
    "DelegatedKey": "valetkey.client.delegation",
    "Helper": "valetkey.client.delegation",
    "Machine": "valetkey.client.machine",
    "AsyncMachine": "valetkey.client.machine",
    "Tokens": "valetkey.client.tokens",
    "ProofOfKey": "valetkey.client.holder_service",
}
CATALOG = Catalog(
    resource="https://chirp.example",
    name="Chirp",
    permissions=(Permission(id="chirps.read", can="read your posts"),),
)
ISSUER = "https://id.example"


def rows(table: dict[str, dict[str, str]]) -> list[Any]:
    return [
        pytest.param(owner, old, new, id=f"{owner} {old}")
        for owner, names in table.items()
        for old, new in names.items()
    ]


def named(name: str) -> type[Any]:
    kind: type[Any] = getattr(importlib.import_module(CLASSES[name]), name)
    return kind


@pytest.mark.parametrize("module, old, new", rows(renamed.NAMES))
def test_an_export(module: str, old: str, new: str) -> None:
    home = importlib.import_module(module)
    with pytest.warns(DeprecationWarning, match=f"{module}.{old} is now {new}"):
        assert getattr(home, old) is getattr(home, new)


@pytest.mark.parametrize("owner, old, new", rows(renamed.MEMBERS))
def test_a_member(owner: str, old: str, new: str) -> None:
    kind = named(owner)
    assert hasattr(kind, new) or new in kind.__init__.__code__.co_names
    stand_in = type("Stand", (), {new: object(), old: inspect.getattr_static(kind, old)})()
    with pytest.warns(DeprecationWarning, match=f"{owner}.{old} is now {new}"):
        assert getattr(stand_in, old) is getattr(stand_in, new)


@pytest.mark.parametrize("owner, old, new", rows(renamed.PARAMETERS))
def test_a_keyword(owner: str, old: str, new: str) -> None:
    """The function gets the value under its new name."""
    kind, name = owner.split(".")
    function: Callable[..., Any] = getattr(named(kind), name)
    accepted = inspect.signature(function).parameters
    assert new in accepted or any(one.kind is one.VAR_KEYWORD for one in accepted.values())
    if old in accepted:
        return  # test_an_old_proof_counts
    assert inspect.unwrap(function) is not function, "the function has no decorator"
    calls: list[dict[str, Any]] = []

    def inner(**keywords: Any) -> None:
        calls.append(keywords)

    inner.__qualname__ = owner
    value = object()
    decorated: Callable[..., Any] = renamed.parameters(inner)
    with pytest.warns(DeprecationWarning, match=f"{old}=\\) is now {new}="):
        decorated(**{old: value})
    assert calls == [{new: value}]


@pytest.mark.parametrize("face", ["ResourceServer", "Blocking"])
def test_an_old_proof_counts(face: str) -> None:
    """A bound token with its proof under the old name is let in, with a warning."""
    server = ResourceServer(issuer=ISSUER, catalog=CATALOG)
    with issuing(server) as keys:
        headers = keys.issue("chirps.read", dpop=True).headers("GET", "/")
        proof = SenderProof(method="GET", path="/", proofs=(headers["DPoP"],))

        async def verify() -> Principal:
            return await server.verify(headers["Authorization"], shown=proof)

        with pytest.warns(
            DeprecationWarning, match=f"{face}.verify\\(shown=\\) is now sender_proof="
        ):
            caller = (
                asyncio.run(verify())
                if face == "ResourceServer"
                else server.blocking.verify(headers["Authorization"], shown=proof)
            )
    assert caller.may("chirps.read")


def test_both_keywords_at_once_are_an_error() -> None:
    with pytest.raises(TypeError, match="new name"):
        ResourceServer(issuer=ISSUER, catalog=CATALOG, bound=2.0, max_staleness=1.0)  # type: ignore[call-arg]


def test_an_unknown_name_is_unknown() -> None:
    with pytest.raises(AttributeError):
        importlib.import_module("valetkey.resource").nothing  # noqa: B018


def test_new_names_do_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        server = ResourceServer(issuer=ISSUER, catalog=CATALOG, max_staleness=2.0)
        same = ResourceServer(Options(issuer=ISSUER, catalog=CATALOG, max_staleness=2.0))
    assert server.options == same.options


def test_an_old_keyword_counts() -> None:
    with pytest.warns(DeprecationWarning, match="children"):
        server = ResourceServer(issuer=ISSUER, catalog=CATALOG, children=2)  # type: ignore[call-arg]
    assert server.options.max_delegations == 2
