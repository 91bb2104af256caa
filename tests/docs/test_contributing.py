"""The grant type that CONTRIBUTING.md shows: taken from the page, switched on, and used."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from tests.docs.markdown import ROOT, blocks
from tests.installation import CHIRP, CHIRP_CATALOG, SECRETS
from tests.keys import key
from tests.rows import row

from valetkey.jose.seal import digest
from valetkey.server.model.change import Create, Stale
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring
from valetkey.server.model.policy import Lifetimes
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.clients.registration import mistakes
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.decision import Answer, Issued, Refuse
from valetkey.server.oauth.core.feature import Call, Feature
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.endpoints.discovery import server_metadata
from valetkey.server.oauth.features import FEATURES
from valetkey.server.oauth.grant_types.token import token
from valetkey.server.oauth.issue.tokens import response
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.settle import ask, settle
from valetkey.spec import names
from valetkey.spec.errors import InvalidGrant, InvalidScope, OAuthError, UnauthorizedClient
from valetkey.wire import access_token
from valetkey.wire.form import Form

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000
ISSUER = "https://id.example"
FILE = ROOT / "src/valetkey/server/oauth/grant_types/voucher.py"
SIGNING = key("ES256")


def _code() -> str:
    shown = [one.text for one in blocks("python") if one.page.name == "CONTRIBUTING.md"]
    (text,) = [one for one in shown if "VOUCHER" in one]
    return text


@pytest.fixture(scope="module")
def voucher(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The file that the page shows, imported."""
    file = tmp_path_factory.mktemp("contributing") / FILE.name
    file.write_text(_code(), "utf-8")
    spec = importlib.util.spec_from_file_location("voucher", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _installation(features: tuple[Feature, ...]) -> Installation:
    return Installation(
        issuer=ISSUER,
        lifetimes=Lifetimes(),
        keyring=Keyring(
            signing={"ES256": SIGNING}, published=(SIGNING.public(),), sealing=(), macs=()
        ),
        offer=Offer(ISSUER, [ResourceServer(id="chirp", catalog=CHIRP_CATALOG)]),
        features=features,
    )


class Platform:
    """A server with the feature switched on, and two clients that may use it."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.at = _installation((*FEATURES, module.VOUCHER))
        self.drawn = 0
        self.store = MemoryStore()
        self.job = self._client("machine")
        self.other = self._client("web")

    def _client(self, name: str) -> Client:
        return Client(
            id=name,
            name=name,
            auth_method="client_secret_post",
            secrets=(StoredSecret(digest(SECRETS[name]), 0),),
            grant_types=(self.module.NAME,),
            scope=("openid", "chirps"),
        )

    async def open(self) -> None:
        """Registers the clients."""
        await self.store.commit((Create(self.job), Create(self.other)))

    def context(self, now: int = NOW) -> Context:
        """A moment."""
        return Context(self.at, Env(now, self._draw))

    def _draw(self, size: int) -> bytes:
        self.drawn += 1
        return self.drawn.to_bytes(size, "big")

    async def hand_out(self) -> str:
        """A voucher for the job."""
        text, change = self.module.hand_out(self.job, self.context())
        await self.store.commit((change,))
        return str(text)

    def call(self, text: str, *, client: str = "machine", **more: str) -> Call:
        """What the client posts to the token endpoint."""
        own = {"client_id": client, "client_secret": SECRETS[client]}
        return Call(form=Form({"grant_type": self.module.NAME, "voucher": text, **own, **more}))

    async def redeem(self, call: Call, now: int = NOW) -> Answer | Issued | Refuse:
        """What the token endpoint decides, committed."""
        context = self.context(now)
        return await settle(self.store, lambda: token(call, context))


@pytest.fixture
async def platform(voucher: ModuleType) -> Platform:
    made = Platform(voucher)
    await made.open()
    return made


async def test_it_is_published(platform: Platform) -> None:
    offered = server_metadata(platform.context()).grant_types_supported
    assert platform.module.NAME in offered
    assert {*offered} > {names.AUTHORIZATION_CODE, names.REFRESH_TOKEN, names.CLIENT_CREDENTIALS}


async def test_a_client_can_be_registered_for_it_where_it_is_switched_on(
    platform: Platform,
) -> None:
    assert mistakes(platform.job, platform.at) == []
    (wrong,) = mistakes(platform.job, _installation(FEATURES))
    assert "is not offered here" in wrong


async def test_a_voucher_becomes_a_token_of_the_clients_own(platform: Platform) -> None:
    issued = await platform.redeem(platform.call(await platform.hand_out()))
    assert isinstance(issued, Issued)
    answer = response(issued, platform.context())
    claims = access_token.verify(
        str(answer["access_token"]),
        keys=platform.at.keyring.published,
        issuer=ISSUER,
        audience=CHIRP,
        now=NOW,
    ).claims
    assert (claims.sub, claims.grant_id) == ("client:machine", "")
    assert claims.scopes == {"chirps", "chirps.read", "chirps.write"}
    assert answer.keys() == {"access_token", "token_type", "expires_in", "scope"}


async def test_a_voucher_is_good_once(platform: Platform) -> None:
    text = await platform.hand_out()
    await platform.redeem(platform.call(text))
    with pytest.raises(InvalidGrant):
        await platform.redeem(platform.call(text))


async def test_of_two_that_redeem_it_together_one_is_late(platform: Platform) -> None:
    text = await platform.hand_out()
    calls = [ask(platform.store, token(platform.call(text), platform.context())) for _ in "ab"]
    first, second = [await one for one in calls]
    await platform.store.commit(first.changes)
    with pytest.raises(Stale):
        await platform.store.commit(second.changes)


REFUSED = [
    row("4.5", "another client's", {"client": "web"}, NOW, InvalidGrant),
    row("4.5", "a word that is no voucher", {"text": "x" * 43}, NOW, InvalidGrant),
    row("4.5", "a day late", {}, NOW + 86400, InvalidGrant),
    row("6", "more than it is registered for", {"scope": "dms.read"}, NOW, InvalidScope),
    row("6", "what is about a user", {"scope": "openid"}, NOW, InvalidScope),
]


@pytest.mark.parametrize("how, now, error", REFUSED)
async def test_refused_and_still_good(
    platform: Platform, how: dict[str, Any], now: int, error: type[OAuthError]
) -> None:
    text = await platform.hand_out()
    with pytest.raises(error):
        await platform.redeem(platform.call(**{"text": text, **how}), now)
    assert isinstance(await platform.redeem(platform.call(text), NOW + 86399), Issued)


async def test_a_public_client_gets_none(platform: Platform) -> None:
    public = msgspec.structs.replace(platform.job, id="spa", auth_method="none", secrets=())
    await platform.store.commit((Create(public),))
    form = Form({"grant_type": platform.module.NAME, "voucher": "v", "client_id": "spa"})
    with pytest.raises(UnauthorizedClient):
        await platform.redeem(Call(form=form))


async def test_what_is_stored_is_no_voucher(platform: Platform) -> None:
    text, change = platform.module.hand_out(platform.job, platform.context())
    assert text not in repr(change)
    assert text not in repr(platform.module.parse(platform.call(text).form))


@pytest.mark.parametrize("check", [["format", "--check"], ["check"]], ids=" ".join)
def test_it_is_written_as_the_house_writes(check: list[str]) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    command = [str(ruff), *check, "--stdin-filename", str(FILE), "-"]
    done = subprocess.run(
        command, input=_code(), capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
