"""Each field of a grant is where people and programs need it, or a reason says why it is not.

A new field fails here until it has a row in `FIELDS`; then each place is asked whether the row is
true.
"""

import json
import os
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from tests.attacks.play import change, every, find, introspected, signed_in, tokens
from tests.browser import Browser
from tests.installation import CHIRP_CATALOG
from tests.live import Live, live
from tests.rows import row
from tests.server.admin.play import ALL, Administrator, list_app, machine
from tests.server.oauth.admin.desk import ISSUER, context
from tests.server.pages.document import Document

from valetkey.cli.root import valetkey
from valetkey.server.http.personal_export import export
from valetkey.server.model import ids
from valetkey.server.model.change import Create, Update
from valetkey.server.model.change_log import entry_of
from valetkey.server.model.client import Client
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import Grant
from valetkey.server.model.limits import Limits, Proposal
from valetkey.server.model.query import Many
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import User
from valetkey.server.oauth.admin.grant_import import IncomingGrant, import_grants
from valetkey.server.oauth.admin.removal import erase
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.settle import settle

HOUR: Final = 3600

PLACES: Final = {
    "page": "the user's page of the app: pages/connected.py, and its template in templates/app",
    "api": "the answer to an API that introspects: oauth/endpoints/introspection.py",
    "log": "the change log for APIs: Entry in wire/change_log.py, model/change_log.py",
    "admin": "the administration API: GrantSummary in admin/operations/grants.py",
    "download": "the download of the user's data: `hidden` of Grant in accounts/personal_data.py",
    "import": "the import from another system, which sets it: oauth/admin/grant_import.py",
    "erasure": "the erasure of the account, which changes it: `erase` in oauth/admin/removal.py; a "
    "grant is kept for years, so nothing in it may name or describe a person",
}
"""The places, with the files of `src/valetkey/server` to edit. `valetkey grant list --json` shows
all fields."""

_INTERNAL: Final = {"page api admin": "only the server works with it"}
_NOT_THERE: Final = {"import": "another system has no such thing"}
_NO_NAME: Final = {"erasure": "it names nobody"}
_TIMES: Final = {"api log": "an API needs the state, not its history"}


class Row(NamedTuple):
    """Another value for a field, the places where it is then seen, and for the others the reason
    why not, by the names of places."""

    value: object
    seen: str
    unseen: dict[str, str]


FIELDS: Final = {
    "permissions": Row(("openid", "chirps.read"), "page api log admin download import", _NO_NAME),
    "refused": Row(
        ("account.delete",),
        "admin download",
        {"page": "the page offers all that the app lacks", "api log": "an API sees what is allowed"}
        | _NOT_THERE
        | _NO_NAME,
    ),
    "limits": Row(
        Limits(until=int(time.time()) + HOUR), "page api log admin download import", _NO_NAME
    ),
    "face": Row(
        "another",
        "download import",
        {"log": "only the consent page compares it"} | _INTERNAL | _NO_NAME,
    ),
    "status": Row("paused", "page api log admin download erasure", _NOT_THERE),
    "epoch": Row(
        7,
        "page api download import",
        {"log": "one entry tells all of a new epoch", "admin": "it is the same for all grants"}
        | _NO_NAME,
    ),
    "created": Row(1_600_000_000, "page admin download import", _TIMES | _NO_NAME),
    "changed": Row(
        1_600_000_000,
        "admin download import erasure",
        {"page": "the page lists the changes themselves"} | _TIMES,
    ),
    "revoked_delegates": Row(
        {"agent": ("chirps.read",)},
        "log download",
        {
            "page": "it shows the tree of delegates, where this one is not",
            "api": "it is about the tokens of delegates",
            "admin": "it shows what the app may do",
        }
        | _NOT_THERE
        | _NO_NAME,
    ),
    "lost_permissions": Row(("dms.read",), "log download", _INTERNAL | _NOT_THERE | _NO_NAME),
    "withheld": Row(
        ("dms.read",),
        "page download",
        {"api log": "an API sees what is allowed", "admin": "the organization's rule says it"}
        | _NOT_THERE
        | _NO_NAME,
    ),
    "organization": Row(
        "acme",
        "download",
        {"page api log admin": "it counts when the organization's rule changes"}
        | _NOT_THERE
        | _NO_NAME,
    ),
}

NAMES: Final = {"user", "client", "id", "version"}
"""What a grant is called."""


def test_every_field_has_a_row() -> None:
    new = {*Grant.__struct_fields__} - NAMES - {*FIELDS}
    assert not new, (
        f"{sorted(new)} of Grant: add a row to FIELDS in {__file__}, with another value, and for "
        f"each of {', '.join(PLACES)} whether it is seen there, or why not"
    )
    assert {*FIELDS} <= {*Grant.__struct_fields__}, "Grant no longer has all fields of FIELDS"


@pytest.mark.parametrize("name", [row("grant", name, name) for name in FIELDS])
def test_each_place_is_judged_once(name: str) -> None:
    of = FIELDS[name]
    judged = [*of.seen.split(), *(place for places in of.unseen for place in places.split())]
    wrong = "\n".join(
        f"{place}: {PLACES.get(place, 'no such place')}"
        for place in (*PLACES, *{*judged} - {*PLACES})
        if place not in PLACES or judged.count(place) != 1
    )
    assert not wrong, (
        f"the row of {name!r} in FIELDS of {__file__} has to name each place once: in `seen`, or "
        f"with a reason in `unseen`. It does not for\n{wrong}"
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("shown")
    with live(folder, enable=("administration",), unthrottled=("127.0.0.1",)) as running:
        list_app(running, "machine", *ALL)
        yield running


@pytest.fixture(scope="module")
def token(server: Live) -> str:
    text: str = tokens(server)["access_token"]
    return text


@pytest.fixture(scope="module")
def miko(server: Live) -> Browser:
    return signed_in(server, "miko")


@pytest.fixture(scope="module")
def admin(server: Live) -> Administrator:
    return machine(server)


class Watch(NamedTuple):
    """All who look at a grant of a running server."""

    server: Live
    miko: Browser
    token: str
    admin: Administrator

    def views(self, grant: Grant) -> dict[str, Any]:
        """What each place shows now."""
        (body,) = Document(self.miko.open(f"/apps/{grant.id}").text).find("body")
        api = introspected(self.server, self.token)
        api.pop("grant_version", None)  # it counts the changes, whatever they are
        summary = self.admin.get(f"/grants/{grant.id}")
        summary.pop("version")
        stored = find(self.server, Grant, grant.id)
        grants = self.server.run(self._downloaded(grant.user))["grants"]
        (downloaded,) = [one for one in grants if one["id"] == grant.id]
        return {
            "page": body.text,
            "api": api,
            "log": entry_of(Update(replace(stored, version=0))),
            "admin": summary,
            "download": downloaded,
        }

    async def _downloaded(self, user: str) -> Any:
        pieces = [one async for one in export(self.server.store, user, now=int(time.time()))]
        return json.loads(b"".join(pieces))


@pytest.fixture(scope="module")
def watch(server: Live, miko: Browser, token: str, admin: Administrator) -> Watch:
    return Watch(server, miko, token, admin)


@pytest.mark.parametrize("name", [row("grant", name, name) for name in FIELDS])
def test_a_field_shows(name: str, watch: Watch) -> None:
    (grant,) = every(watch.server, Grant)
    before = watch.views(grant)
    change(watch.server, grant, **{name: FIELDS[name].value})
    try:
        after = watch.views(grant)
    finally:
        again = find(watch.server, Grant, grant.id)
        change(watch.server, again, **{name: getattr(grant, name)})
    for place in before:
        _compare(name, place, is_seen=before[place] != after[place])


def _compare(name: str, place: str, *, is_seen: bool) -> None:
    says = place in FIELDS[name].seen.split()
    assert is_seen == says, (
        f"{name!r} is {'' if is_seen else 'not '}seen in {PLACES[place]}; its row in FIELDS of "
        f"{__file__} says that it is{'' if says else ' not'}: change one of the two"
    )


ENV: Final = Env(1_800_000_000, os.urandom)
APP: Final = Client(
    id="app", name="App", scope=("chirps.read",), limits=Proposal(lasts=HOUR), origin="registered"
)
PERSON: Final = User(id=ids.user_id(ENV), username="somebody")


def _now() -> Context:
    at = context(ENV.now).installation
    offer = Offer(ISSUER, [ResourceServer(id="chirp", catalog=CHIRP_CATALOG)])
    return Context(replace(at, offer=offer, epoch=7), ENV)


async def _only_grant(store: MemoryStore) -> Grant:
    (found,) = (await store.read(Many(Grant))).many(Many(Grant))
    return found


@pytest.mark.anyio
async def test_the_import_sets_a_field() -> None:
    store = MemoryStore()
    await store.commit([Create(APP), Create(PERSON)])
    consent = IncomingGrant(
        place="1", client=APP.id, username=PERSON.username, scope=APP.scope, created=ENV.now - 1
    )
    await settle(store, lambda: import_grants([consent], source="", coming={}, context=_now()))
    grant = await _only_grant(store)
    bare = Grant(id=grant.id, user=grant.user, client=grant.client, created=0, changed=0)
    for name in FIELDS:
        _compare(name, "import", is_seen=getattr(grant, name) != getattr(bare, name))


@pytest.mark.anyio
async def test_the_erasure_changes_a_field() -> None:
    store = MemoryStore()
    values: dict[str, Any] = {name: one.value for name, one in FIELDS.items()}
    before = Grant(id=ids.owned_id(ENV, owner=PERSON.id), user=PERSON.id, client=APP.id, **values)
    await store.commit([Create(PERSON), Create(before)])
    user = replace(PERSON, version=1)
    await settle(store, lambda: erase(user, by="user", context=_now()))
    after = await _only_grant(store)
    for name in FIELDS:
        _compare(name, "erasure", is_seen=getattr(before, name) != getattr(after, name))


def test_the_command_line_shows_all(server: Live, token: str) -> None:
    (grant,) = every(server, Grant)
    change(server, grant, **{name: one.value for name, one in FIELDS.items()})
    command = ("grant", "list", "--json", "--database", str(server.database))
    result = CliRunner().invoke(valetkey, command, prog_name="valetkey")
    assert result.exit_code == 0, result.output
    (shown,) = msgspec.json.decode(result.stdout)
    assert {*Grant.__struct_encode_fields__} - {"version"} <= {*shown}
