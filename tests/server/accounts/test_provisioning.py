"""Users who sign in elsewhere."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace
from tests.server.store.samples import ENV

from valetkey.server.accounts.provisioning import (
    Inactive,
    Profile,
    Provisioned,
    lenient_profile,
    provision,
    read_profile,
)
from valetkey.server.accounts.sign_in import Proof, SignedIn, open_session
from valetkey.server.model.change import Update
from valetkey.server.model.query import Many, OneByAlias
from valetkey.server.model.user import Session, User, session_alias
from valetkey.server.store.memory import MemoryStore
from valetkey.spec.errors import InvalidRequest

MIKO = Profile(email="miko@chirp.example", email_verified=True, claims={"name": "Miko"})


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def signs_in(
    store: MemoryStore, subject: str = "17", profile: Profile | None = MIKO, at: str = "platform"
) -> User:
    async def played() -> User:
        made: Provisioned = await run(store, provision(at, subject, profile=profile, env=ENV))
        await store.commit(made.changes, made.events)
        return made.user

    return asyncio.run(played())


async def run(store: MemoryStore, rule: Any) -> Any:
    results: Any = None
    try:
        while True:
            queries = rule.send(results)
            results = await store.read(*queries)
    except StopIteration as stopped:
        return stopped.value


def test_the_first_sign_in_makes_the_user(store: MemoryStore) -> None:
    user = signs_in(store)
    assert (user.email, user.display_name, user.password) == (MIKO.email, "Miko", "")
    assert user.label == MIKO.email


def test_the_next_one_is_the_same_user_with_what_is_new(store: MemoryStore) -> None:
    first = signs_in(store)
    renamed = replace(MIKO, claims={"name": "Miko M."})
    second = signs_in(store, profile=renamed)
    assert second.id == first.id
    assert second.display_name == "Miko M."
    assert signs_in(store, profile=None).display_name == "Miko M."


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"subject": "18"}, id="another subject"),
        pytest.param({"at": "https://accounts.example"}, id="another source"),
        pytest.param({"at": "plat", "subject": "form\n17"}, id="a subject with a line end"),
    ],
)
def test_an_e_mail_address_is_nobody(store: MemoryStore, other: dict[str, str]) -> None:
    first = signs_in(store)
    try:
        assert signs_in(store, **other).id != first.id  # type: ignore[arg-type]
    except InvalidRequest:
        assert "\n" in other["subject"]


def test_a_disabled_user_stays_out(store: MemoryStore) -> None:
    user = signs_in(store)
    asyncio.run(store.commit([Update(replace(user, version=1, status="disabled"))]))
    with pytest.raises(Inactive):
        signs_in(store)


@pytest.mark.parametrize(
    "claims",
    [
        {"name": 5},
        {"email": "no address"},
        {"email": ["a@b.example"]},
        {"address": "Street 1"},
        {"phone_number": "0123"},
        {"name": "x" * 501},
    ],
    ids=str,
)
def test_a_wrong_claim_is_named_or_left_out(claims: dict[str, Any]) -> None:
    name = next(iter(claims))
    with pytest.raises(InvalidRequest, match=name):
        read_profile(claims)
    assert lenient_profile({**claims, "nickname": "mi"}) == Profile(claims={"nickname": "mi"})


@pytest.mark.parametrize("said", ["false", "true", 1, None, False])
def test_only_true_verifies_an_address(said: object) -> None:
    claims = {"email": "miko@chirp.example", "email_verified": said}
    assert not read_profile(claims).email_verified


def test_a_session_of_the_same_source_replaces_the_other(store: MemoryStore) -> None:
    user = signs_in(store)
    proof = Proof(way="platform", auth_time=ENV.now - 60, amr=("pwd",), source_sid="s1", seconds=30)

    async def opens() -> Session:
        opened: SignedIn = await run(
            store,
            open_session(
                user,
                proof=proof,
                username=user.username,
                caller=None,
                replaces="",
                seconds=100,
                epoch=0,
                env=ENV,
            ),
        )
        await store.commit(opened.changes, opened.events)
        return opened.session

    first, second = asyncio.run(opens()), asyncio.run(opens())
    assert (first.auth_time, first.expires) == (ENV.now - 60, ENV.now + 30)
    assert second.sid == first.sid
    query = OneByAlias(Session, session_alias("platform", "s1"))
    rows = asyncio.run(store.read(query, Many(Session, "user", user.id)))
    assert rows.one(query) is not None
    assert [one.id for one in rows.many(Many(Session, "user", user.id))] == [second.id]
