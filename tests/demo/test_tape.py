"""The recorder sees what every library of a process sends and receives."""

import base64
import subprocess
import sys
import textwrap
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from tests.rows import row

from valetkey.demo.tape import Tape, disguises

WORD = "kite lantern/river? 4821"

RECORDED = """
    import sys
    from pathlib import Path
    from valetkey.demo import tap
    tap.record(Path(sys.argv[1]))

    import asyncio, threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from urllib.request import urlopen
    import httpx2

    class Echo(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(201)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        def do_GET(self):
            self.send_response(200)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5\\r\\nhello\\r\\n6;x=y\\r\\n there\\r\\n0\\r\\n\\r\\n")
        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"

    with httpx2.Client() as client:
        client.post(f"{url}/sync?a=1", json={"said": "first"})
        client.post(f"{url}/sync?a=2", json={"said": "second"})

    async def later():
        async with httpx2.AsyncClient() as client:
            await client.post(f"{url}/async", data={"said": "third"})
        reader, writer = await asyncio.open_connection("127.0.0.1", server.server_port)
        writer.write(b"GET /streams HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()

    asyncio.run(later())
    urlopen(f"{url}/urllib").read()
    server.shutdown()
"""


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    file = tmp_path_factory.mktemp("tape") / "tape"
    script = textwrap.dedent(RECORDED)
    subprocess.run([sys.executable, "-c", script, str(file)], check=True, timeout=60)
    assert file.stat().st_mode & 0o777 == 0o600
    return Tape(file)


def test_exchanges_of_every_library_are_seen_from_both_sides(tape: Tape) -> None:
    seen = [(one.method, one.path, one.status) for one in tape.exchanges()]
    expected = [
        ("POST", "/sync", 201),
        ("POST", "/sync", 201),
        ("POST", "/async", 201),
        ("GET", "/streams", 200),
        ("GET", "/urllib", 200),
    ]
    assert sorted(seen) == sorted(2 * expected)
    assert {stream.ours for stream in tape.streams()} == {True, False}
    assert tape.escaped() == []


def test_an_exchange_is_told_in_full(tape: Tape) -> None:
    second = next(one for one in tape.exchanges() if one.request.get("a") == "2")
    assert second.request["said"] == "second"
    assert second.request["content-type"] == "application/json"
    assert second.response["said"] == "second"
    form = next(one for one in tape.exchanges() if one.path == "/async")
    assert form.request["said"] == "third"
    assert form.url.startswith("http://127.0.0.1:")
    chunked = next(one for one in tape.exchanges() if one.path == "/urllib")
    assert chunked.got == b"hello there"


def test_words_that_passed_are_found_and_others_are_not(tape: Tape) -> None:
    assert tape.holds("third")
    assert tape.holds("/urllib")
    assert not tape.holds("never said")


@pytest.mark.parametrize(
    "passed",
    [
        row("as it is", "in a form", f"a=1&password={WORD}&b=2".encode()),
        row("encoded", "with %20", f"password={quote(WORD, safe='')}".encode()),
        row("encoded", "with +", f"password={quote_plus(WORD)}".encode()),
        *[
            row(
                "base64",
                f"between {before!r} and {after!r}",
                base64.b64encode(f"{before}{WORD}{after}".encode()),
            )
            for before in ("", "m:", "miko:")
            for after in ("", "x", "xy")
        ],
        row("base64url", "after 'miko:'", base64.urlsafe_b64encode(f"miko:{WORD}".encode())),
    ],
)
def test_a_word_is_known_in_every_disguise(passed: bytes) -> None:
    assert any(form in passed for form in disguises(WORD))
    assert not any(form in passed for form in disguises("kite lantern/ponds? 4821"))


def test_what_goes_past_the_recorder_is_noted(tmp_path: Path) -> None:
    script = """
        import sys, _socket, socket
        from pathlib import Path
        from valetkey.demo import tap
        tap.record(Path(sys.argv[1]))
        listening = _socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.bind(("127.0.0.1", 0))
    """
    file = tmp_path / "tape"
    command = [sys.executable, "-c", textwrap.dedent(script), str(file)]
    subprocess.run(command, check=True, timeout=60)
    (escaped,) = Tape(file).escaped()
    assert "127.0.0.1" in escaped
