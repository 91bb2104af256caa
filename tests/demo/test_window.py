"""stefApp's window is for the browser on this machine that was given its address."""

import socket
from collections.abc import Mapping

import anyio
import httpx2
import pytest
from tests.client.serving import serving
from tests.rows import row

from valetkey.client import App, Key, LimitReached, MemoryStore, Tokens
from valetkey.demo.stefapp.app import StefApp
from valetkey.demo.stefapp.window import HEADERS, create
from valetkey.demo.stefapp.words import describe
from valetkey.wire.bearer import Challenge
from valetkey.wire.key_shards import KeyShard

pytestmark = pytest.mark.anyio

ORIGIN = "http://127.0.0.1:50000"
WINDOW = f"{ORIGIN}/a-secret-path/"
NONE: Mapping[str, str] = {}
NOBODY = "http://127.0.0.1:9"


async def ask(
    method: str, url: str, *, headers: Mapping[str, str] = NONE, content: bytes = b""
) -> httpx2.Response:
    """What the window of an app without a key answers."""
    known = App(issuer=NOBODY, client_id="stefapp", scope=("openid",))
    app = StefApp(Key(known, MemoryStore()), api=NOBODY, file="tokens.json")
    transport = httpx2.ASGITransport(create(app, window=WINDOW))
    async with httpx2.AsyncClient(transport=transport) as client:
        response = await client.request(method, url, headers=headers, content=content)
    app.close()
    return response


@pytest.mark.parametrize(
    "url, headers, status",
    [
        row("the window", "at its own address", WINDOW, {}, 200),
        row("the window", "its style", f"{ORIGIN}/static/stefapp.css", {}, 200),
        row("the secret", "is missing", f"{ORIGIN}/", {}, 403),
        row("the secret", "is another", f"{ORIGIN}/a-secret-pass/", {}, 403),
        row("the secret", "is cut", f"{ORIGIN}/a-secret-path", {}, 403),
        row("the secret", "stands in the query", f"{ORIGIN}/?/a-secret-path/", {}, 403),
        row("the host", "is a foreign name", WINDOW, {"host": "evil.example:50000"}, 403),
        row("the host", "is localhost", WINDOW, {"host": "localhost:50000"}, 403),
        row("the host", "has no port", WINDOW, {"host": "127.0.0.1"}, 403),
        row("the host", "has another port", WINDOW, {"host": "127.0.0.1:50001"}, 403),
        row("its style", "at a foreign name", f"{ORIGIN}/static/x", {"host": "x.example"}, 403),
    ],
)
async def test_who_may_look(url: str, headers: dict[str, str], status: int) -> None:
    response = await ask("GET", url, headers=headers)
    assert response.status_code == status
    told = {name.encode(): value.encode() for name, value in response.headers.items()}
    assert HEADERS.items() <= told.items()
    if status == 403:
        assert "stefApp" not in response.text


@pytest.mark.parametrize(
    "action, headers, status",
    [
        row("a form", "of the window itself", "cancel", {"origin": ORIGIN}, 303),
        row("a form", "that names no button", "steal", {"origin": ORIGIN}, 404),
        row("a form", "without an origin", "cancel", {}, 403),
        row("a form", "of an unnamed page", "cancel", {"origin": "null"}, 403),
        row("a form", "of another port", "cancel", {"origin": "http://127.0.0.1:50001"}, 403),
        row("a form", "of another site", "cancel", {"origin": "https://evil.example"}, 403),
        row("a form", "of localhost", "cancel", {"origin": "http://localhost:50000"}, 403),
        row("a form", "without the secret", "../cancel", {"origin": ORIGIN}, 403),
        row(
            *("a form", "sent to a foreign name", "cancel"),
            *({"origin": ORIGIN, "host": "evil.example:50000"}, 403),
        ),
    ],
)
async def test_whose_forms_count(action: str, headers: dict[str, str], status: int) -> None:
    response = await ask("POST", WINDOW + action, headers=headers)
    assert response.status_code == status


async def test_a_form_has_an_end() -> None:
    response = await ask(
        "POST", f"{WINDOW}post", headers={"origin": ORIGIN}, content=b"text=" + b"a" * 17000
    )
    assert response.status_code == 413


async def test_it_needs_no_script_and_no_style_of_its_own() -> None:
    response = await ask("GET", WINDOW)
    assert "<script" not in response.text
    assert "style=" not in response.text
    assert 'id="connect"' in response.text


async def test_while_it_waits_it_looks_by_itself_with_script_and_without() -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    issuer = f"http://127.0.0.1:{silent.getsockname()[1]}"
    known = App(issuer=issuer, client_id="stefapp", scope=("openid",))
    app = StefApp(Key(known, MemoryStore()), api=NOBODY, file="tokens.json")
    transport = httpx2.ASGITransport(create(app, window=WINDOW))
    async with httpx2.AsyncClient(transport=transport) as client:
        assert (await client.get(f"{WINDOW}waiting")).text == ""
        app.connect(more="")
        text = (await client.get(WINDOW)).text
        silent.close()
        for _ in range(500):
            if not (await client.get(f"{WINDOW}waiting")).text:
                break
            await anyio.sleep(0.02)
        after = (await client.get(WINDOW)).text
    app.close()
    assert 'data-waiting="for the browser"' in text
    assert '<script src="/static/waiting.js" defer></script>' in text
    assert '<noscript><meta http-equiv="refresh"' in text
    assert "127.0.0.1 does not answer" in after
    assert 'id="connect"' in after


PARTS = (
    KeyShard(holder="device"),
    KeyShard(holder="backend"),
    KeyShard(holder="recovery_code", status="unclaimed", claim_uri="https://id.example/apps/x"),
)


async def shown(held: Tokens, refusal: bytes, code: str = "") -> str:
    """The window of an app with that key, at a server that refuses so; after a `code` was typed."""
    with serving() as server:
        server.replies["/token"] = (400, refusal)
        store = MemoryStore()
        store.save(held)
        known = App(issuer=server.url, client_id="stefapp", scope=("openid",))
        app = StefApp(Key(known, store), api=server.url, file="tokens.json")
        transport = httpx2.ASGITransport(create(app, window=WINDOW))
        async with httpx2.AsyncClient(transport=transport) as client:
            if code:
                form = {"code": code}
                await client.post(f"{WINDOW}code", data=form, headers={"origin": ORIGIN})
            text = (await client.get(WINDOW)).text
        app.close()
        return text


async def test_a_suspended_key_says_where_to_look() -> None:
    held = Tokens(access_token="over", refresh_token="r", expires=1, scope=("chirps.read",))
    text = await shown(held, b'{"error":"key_suspended"}')
    assert 'data-state="suspended"' in text
    assert 'id="look"' in text
    assert "The key that opened this is suspended." in text


async def test_a_key_in_parts_says_who_has_them_and_takes_a_code() -> None:
    held = Tokens(
        access_token="over",
        refresh_token="r",
        expires=1,
        scope=("chirps.read",),
        threshold=2,
        shards=PARTS,
    )
    text = await shown(held, b'{"error":"invalid_grant"}')
    assert "Any 2 of its 3 parts open it" in text
    assert 'href="https://id.example/apps/x"' in text
    assert "does not answer, and this computer" in text
    text = await shown(held, b'{"error":"invalid_grant"}', code="not a code")
    assert "That is no recovery code." in text


def limited(limit: str, **more: str) -> LimitReached:
    return LimitReached(
        Challenge(error="limit_reached", permission="chirps.write", limit=limit, **more)
    )


NOON = str(1_764_504_000)
LIMITS = [
    row(
        "often",
        "a day",
        limited("often", per="day", most="2", back_at=NOON),
        "only 2 times a day. It goes on at 12:00 UTC on 30 November, or when you raise",
    ),
    row(
        "often",
        "once",
        limited("often", per="hour", most="1", back_at=NOON),
        "only once an hour. It goes on at 12:00",
    ),
    row(
        "often",
        "in all",
        limited("often", per="total", most="5"),
        "only 5 times in all. It goes on when you raise",
    ),
    row(
        "hours",
        "closed",
        limited("hours", back_at=NOON),
        "only at certain hours. It goes on at 12:00",
    ),
    row(
        "much", "too much", limited("much", per="total"), "only so much. It goes on when you raise"
    ),
]


@pytest.mark.parametrize("error,says", LIMITS)
def test_what_ran_out_is_said_and_when_there_is_more(error: LimitReached, says: str) -> None:
    assert says in describe(error).text
