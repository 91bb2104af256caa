"""An API with no framework but WSGI. `python api_wsgi.py PORT`"""

import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec

from valetkey.resource import ResourceServer, uses
from valetkey.resource.documents import documents
from valetkey.resource.wsgi import PRINCIPAL, Needs

CATALOG = Path(__file__).parent.parent / "catalog.toml"

server = ResourceServer(
    issuer=os.environ["ISSUER"],
    catalog=CATALOG,
    credentials=("chirp", os.environ["CHIRP_SECRET"]),
    live="follow",
    certificate_proxies=os.environ.get("PROXIES", "").split(),
)
needs = Needs(server)

chirps: list[str] = []


@needs("chirps.read")
def read(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    return answer(start, chirps)


@needs("chirps.write")
def write(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    body = read_body(environ)
    if "text" not in body:
        return answer(start, "text is missing", "400 Bad Request")
    chirps.append(body["text"])
    caller = environ[PRINCIPAL]
    return answer(start, {"by": caller.sub, "with": caller.client_id}, "201 Created")


@needs("tips.send", spend=lambda environ: environ["tip"]["amount"])
def paid(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    return answer(start, {"sent": environ["tip"]["amount"]})


@uses("tips.send")
def tip(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    # What an amount is read from, a WSGI application reads before it asks.
    return paid({**environ, "tip": read_body(environ)}, start)


@needs("account.close", max_age=300)
def close(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    return answer(start, {"closed": environ[PRINCIPAL].sub})


routes: dict[tuple[str, str], WSGIApplication] = {
    ("GET", "/chirps"): read,
    ("POST", "/chirps"): write,
    ("POST", "/tips"): tip,
    ("DELETE", "/account"): close,
}


def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    for address, document in documents(server).values():
        if address == server.resource + environ["PATH_INFO"]:
            return answer(start, document())
    route = routes.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
    return answer(start, "", "404 Not Found") if route is None else route(environ, start)


def read_body(environ: WSGIEnvironment) -> dict[str, str]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    try:
        return msgspec.json.decode(body, type=dict[str, str])
    except msgspec.DecodeError:
        return {}


def answer(start: StartResponse, body: Any, status: str = "200 OK") -> list[bytes]:
    start(status, [("Content-Type", "application/json")])
    return [msgspec.json.encode(body)]


class Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    make_server("127.0.0.1", int(sys.argv[1]), app, server_class=Threads).serve_forever()
