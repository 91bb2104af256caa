"""The same API with no framework but WSGI: `python plain_wsgi.py PORT`."""

import os
import signal
import sys
from collections.abc import Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec
from tests.resource.chirp_platform import CATALOG

from valetkey.resource import ResourceServer
from valetkey.resource.documents import documents
from valetkey.resource.wsgi import PRINCIPAL, Needs

server = ResourceServer(
    issuer=os.environ["ISSUER"],
    catalog=CATALOG,
    credentials=("chirp", os.environ["CHIRP_SECRET"]),
    live="follow",
    certificate_proxies=os.environ["PROXIES"].split(),
)
needs = Needs(server)


def answer(start: StartResponse, body: Any, status: str = "200 OK") -> list[bytes]:
    start(status, [("Content-Type", "application/json")])
    return [msgspec.json.encode(body)]


@needs("chirps.read")
def read(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    return answer(start, [])


@needs("chirps.write")
def write(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    caller = environ[PRINCIPAL]
    return answer(start, {"by": caller.sub, "with": caller.client_id}, "201 Created")


@needs("tips.send", spend=lambda environ: environ["tip"]["amount"])
def paid(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    return answer(start, {"sent": environ["tip"]["amount"]})


def tip(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    # What an amount is read from, a WSGI application reads before it asks.
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
    return paid({**environ, "tip": msgspec.json.decode(body or b"{}")}, start)


@needs("account.close", max_age=300)
def close(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    return answer(start, {"closed": environ[PRINCIPAL].sub})


ROUTES: dict[tuple[str, str], WSGIApplication] = {
    ("GET", "/chirps"): read,
    ("POST", "/chirps"): write,
    ("POST", "/tips"): tip,
    ("DELETE", "/account"): close,
}


def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    for address, document in documents(server).values():
        if address.endswith(environ["PATH_INFO"]):
            return answer(start, document())
    route = ROUTES.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
    return answer(start, "", "404 Not Found") if route is None else route(environ, start)


class Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    make_server("127.0.0.1", int(sys.argv[1]), app, server_class=Threads).serve_forever()
