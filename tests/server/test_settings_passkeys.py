"""The settings of passkeys: each mistake is named, and what they make."""

from typing import Any

import pytest
from tests.rows import row

from valetkey.server.accounts.relying_party import RelyingParty
from valetkey.server.model.change import Create
from valetkey.server.model.factor import PasskeyDomain
from valetkey.server.settings import Settings
from valetkey.server.settings.accounts import AccountSettings
from valetkey.server.settings.passkeys import (
    PasskeySettings,
    passkey_mistakes,
    relying_party,
    why_not_domain,
)
from valetkey.server.settings.ways import SignInSettings
from valetkey.server.store.memory import MemoryStore

ISSUER = "https://id.chirp.example/oauth"

MISTAKES = [
    row("passkeys", "by default", ISSUER, {}, []),
    row("passkeys", "this machine", "http://127.0.0.1:8000", {}, []),
    row("passkeys", "the issuer's host", ISSUER, {"passkey_domain": "id.chirp.example"}, []),
    row("passkeys", "the domain above", ISSUER, {"passkey_domain": "chirp.example"}, []),
    row("passkeys", "localhost", "http://localhost:8000", {"passkey_domain": "localhost"}, []),
    row("passkeys", "a domain below", ISSUER, {"passkey_domain": "x.id.chirp.example"}, ["domain"]),
    row("passkeys", "another domain", ISSUER, {"passkey_domain": "chirp.test"}, ["domain"]),
    row("passkeys", "an end that fits", ISSUER, {"passkey_domain": "hirp.example"}, ["domain"]),
    row("passkeys", "everybody's domain", ISSUER, {"passkey_domain": "example"}, ["domain"]),
    row("passkeys", "an address", "https://10.0.0.1", {"passkey_domain": "10.0.0.1"}, ["domain"]),
    row(
        "passkeys",
        "a sibling",
        ISSUER,
        {"passkey_domain": "chirp.example", "passkey_origins": ("https://www.chirp.example",)},
        [],
    ),
    row(
        "passkeys",
        "a sibling of the host",
        ISSUER,
        {"passkey_origins": ("https://www.chirp.example",)},
        ["origins"],
    ),
    row(
        "passkeys",
        "in the clear",
        ISSUER,
        {"passkey_domain": "chirp.example", "passkey_origins": ("http://chirp.example",)},
        ["origins"],
    ),
    row(
        "passkeys",
        "a path",
        ISSUER,
        {"passkey_domain": "chirp.example", "passkey_origins": ("https://chirp.example/",)},
        ["origins"],
    ),
]


@pytest.mark.parametrize("issuer, changed, names", MISTAKES)
def test_each_mistake_is_named(issuer: str, changed: dict[str, Any], names: list[str]) -> None:
    found = [name for name, _ in passkey_mistakes(PasskeySettings(**changed), issuer)]
    assert found == [f"passkey_{one}" for one in names]


@pytest.mark.parametrize(
    "issuer, changed, rp_id, origins",
    [
        row("5.1.3", "the host", ISSUER, {}, "id.chirp.example", ("https://id.chirp.example",)),
        row(
            "5.1.3", "a port", "http://localhost:8000", {}, "localhost", ("http://localhost:8000",)
        ),
        row(
            "5.1.3",
            "the domain",
            ISSUER,
            {"passkey_domain": "chirp.example", "passkey_origins": ("https://chirp.example",)},
            "chirp.example",
            ("https://id.chirp.example", "https://chirp.example"),
        ),
    ],
)
def test_the_relying_party(
    issuer: str, changed: dict[str, Any], rp_id: str, origins: tuple[str, ...]
) -> None:
    party = relying_party(PasskeySettings(**changed), issuer, "Chirp")
    assert party == RelyingParty(rp_id=rp_id, name="Chirp", origins=origins)


@pytest.mark.parametrize(
    "settings",
    [
        row("passkeys", "off", Settings(issuer=ISSUER, accounts=AccountSettings(passkeys=False))),
        row(
            "passkeys",
            "no accounts here",
            Settings(issuer=ISSUER, sign_in=SignInSettings(password=False)),
        ),
        row("passkeys", "an IP address", Settings(issuer="http://127.0.0.1:8000")),
    ],
)
def test_there_are_none(settings: Settings) -> None:
    assert settings.relying_party is None


@pytest.mark.anyio
async def test_the_domain_stays_that_of_the_first_passkey() -> None:
    store = MemoryStore()
    here = relying_party(PasskeySettings(), ISSUER, "Chirp")
    there = relying_party(PasskeySettings(), "https://auth.example.org", "Chirp")
    assert await why_not_domain(store, there) == ""
    await store.commit([Create(PasskeyDomain(rp_id="id.chirp.example", since=1))])
    assert await why_not_domain(store, here) == ""
    for moved in (there, None):
        why = await why_not_domain(store, moved)
        assert "id.chirp.example" in why
        assert "accounts.passkey_domain" in why
