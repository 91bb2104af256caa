"""The two lists that a user reads are the whole truth: what is on *can* opens, what is on *cannot*
does not, and nothing stands on both or on neither.

The grants and the requests are drawn; the routes, the kit, the rules and the pages are real.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.browser import Asking, Browser
from tests.installation import CHIRP_CATALOG, RESOURCE_SERVERS, SECRETS, WEB
from tests.journeys.api import ROUTES
from tests.live import Live, live
from tests.server.oauth.world import ISSUER, KEYRING, World
from tests.server.pages.document import Document

from valetkey.resource import Refused, ResourceServer
from valetkey.server.model.change import Create, Update
from valetkey.server.model.client import Client
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import Grant
from valetkey.server.model.ids import owned_id
from valetkey.server.model.query import Many, One
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.endpoints.discovery import server_metadata
from valetkey.server.oauth.grants.changes import change_status, narrow, widen

EVERY = tuple(one.id for one in CHIRP_CATALOG.permissions)
SOME = st.sets(st.sampled_from(EVERY))


def kit(world: World) -> ResourceServer:
    """The kit, which asks the world's own endpoints."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/introspect":
            told = world.introspect(dict(httpx2.QueryParams(request.content.decode()))["token"])
            return httpx2.Response(200, content=msgspec.json.encode(told))
        if request.url.path == "/jwks":
            keys = {"keys": [key.jwk() for key in KEYRING.published]}
            return httpx2.Response(200, content=msgspec.json.encode(keys))
        return httpx2.Response(200, content=msgspec.json.encode(server_metadata(world.context)))

    return ResourceServer(
        issuer=ISSUER,
        catalog=CHIRP_CATALOG,
        credentials=("chirp", SECRETS["chirp"]),
        http=httpx2.AsyncClient(transport=httpx2.MockTransport(answer)),
    )


def opens(api: ResourceServer, token: str) -> set[str]:
    """The permissions whose routes let the token in."""

    async def tried() -> set[str]:
        let_in = set()
        for _, _, permission in (*ROUTES, ("DELETE", "/account", "account.delete")):
            with contextlib.suppress(Refused):
                await api.verify(f"Bearer {token}", needs=(permission,))
                let_in.add(permission)
        return let_in

    return asyncio.run(tried())


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("narrow"), SOME),
        st.tuples(st.just("widen"), SOME),
        st.tuples(st.sampled_from(["pause", "resume"]), st.just(set())),
    ),
    max_size=4,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(asked=SOME, ticked=SOME, steps=STEPS)
def test_a_route_opens_just_when_its_permission_is_on_the_can_list(
    asked: set[str], ticked: set[str], steps: list[tuple[Any, set[str]]]
) -> None:
    world = World()
    world.now = int(time.time())  # The kit reads the clock.
    world.change(Client, "kite", scope=("openid", *EVERY))
    api = kit(world)
    wanted = world.at.offer.expand(("openid", *sorted(asked)))
    answer = world.connect(
        scope=" ".join(wanted), ticked=tuple(one for one in wanted if one in ticked)
    )
    token = answer["access_token"]
    of_token = set(answer["scope"].split())
    name, miko = world.grant().id, world.miko.id
    for verb, what in (("", set[str]()), *steps):
        context = world.context
        if verb in {"pause", "resume"}:
            world.settle(lambda: change_status(name, verb, user=miko, by="user", context=context))  # noqa: B023
        elif verb:
            rule = {"narrow": narrow, "widen": widen}[verb]
            world.settle(lambda: rule(name, what, user=miko, by="user", context=context))  # noqa: B023
        grant = world.grant()
        can = set(grant.permissions) if grant.status == "active" else set()
        groups = world.at.offer.cannot(grant.permissions)
        cannot = {one.id for group in groups for one in group.permissions}
        assert opens(api, token) == can & of_token & set(EVERY)
        assert not set(grant.permissions) & cannot
        assert {*grant.permissions, *cannot, "openid"} == {*world.at.offer.permissions}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("lists")) as running:
        yield running


@pytest.fixture(scope="module")
def browser(server: Live) -> Browser:
    """Miko, signed in."""
    browser = server.browser()
    browser.open("/sign-in")
    browser.sign_in()
    return browser


@pytest.fixture(scope="module")
def offer(server: Live) -> Offer:
    """What there is; the app is registered for all of it."""
    wanted = One(Client, "web")
    client = server.run(server.store.read(wanted)).one(wanted)
    wider = msgspec.structs.replace(client, scope=("openid", "profile", *EVERY), policy="oidc")
    server.run(server.store.commit([Update(wider)]))
    return Offer(server.issuer, RESOURCE_SERVERS)


def _stands(server: Live, held: set[str], refused: set[str]) -> None:
    """Miko's grant to the app, as it is to stand: none, where nothing was decided."""
    user = server.users["miko"].id
    wanted = Many(Grant, "user", user)
    live_ones = [one for one in server.run(server.store.read(wanted)).many(wanted) if one.alias]
    for one in live_ones:
        server.run(server.store.commit([Update(msgspec.structs.replace(one, status="stopped"))]))
    if held or refused:
        grant = Grant(
            id=owned_id(Env(int(time.time()), os.urandom), owner=user),
            user=user,
            client="web",
            permissions=tuple(one for one in EVERY if one in held),
            refused=tuple(one for one in EVERY if one in refused - held),
            created=1,
            changed=1,
        )
        server.run(server.store.commit([Create(grant)]))


def _listed(html: Document, part: str) -> list[str]:
    """What stands under a heading of the page, in the words of the page."""
    return [
        element.text
        for element in html.find("span")
        if element.attributes.get("class") == "title"
        and element.inside(**{"aria-labelledby": part})
    ]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(asked=SOME, held=SOME, refused=SOME, language=st.sampled_from(["en", "de"]))
def test_the_pages_two_lists_are_a_partition_of_the_catalogs(
    asked: set[str],
    held: set[str],
    refused: set[str],
    language: str,
    server: Live,
    browser: Browser,
    offer: Offer,
) -> None:
    _stands(server, held, refused)
    scope = " ".join(("openid", *sorted(asked)))
    more = {"prompt": "consent", "ui_locales": language}
    browser.open(Asking(client_id="web", redirect_uri=WEB, scope=scope, more=more).path())
    html = Document(browser.page.text)
    can, cannot = _listed(html, "can"), _listed(html, "cannot")
    touched = {"openid", *offer.expand(scope.split()), *held}
    whole = [*offer.permissions]
    said = {
        _title(words): one
        for one in whole
        for words in (
            offer.permissions[one].words_in(language).can,
            offer.permissions[one].words_in(language).cannot,
        )
    }
    on_can, on_cannot = [said[one] for one in can], [said[one] for one in cannot]
    assert sorted(on_can + on_cannot) == sorted(whole)
    assert set(on_can) == touched
    for resource in offer.resources:
        risks = [
            offer.permissions[one].risk for one in on_cannot if offer.resource_of[one] == resource
        ]
        assert risks == sorted(risks, key=["high", "medium", "low"].index)


def _title(words: str) -> str:
    return words[:1].upper() + words[1:]
