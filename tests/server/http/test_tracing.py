"""Traces: what a collector receives after requests, and what it costs when it is away."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.installation import SECRETS
from tests.live import Live, free_port
from tests.rows import row

from valetkey.client.drivers import Driver
from valetkey.client.steps import Request as SdkRequest
from valetkey.resource.http import Http
from valetkey.server.http.tracing import NOT_TRACED, TRACES_A_SECOND
from valetkey.server.settings import SettingsError, load

pytest.importorskip("opentelemetry.sdk.trace", reason="the extra `otel` is not installed")

CREDENTIALS = {"grant_type": "client_credentials"}
MACHINE = ("machine", SECRETS["machine"])
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"
UNRECORDED = f"00-{TRACE}-b7ad6b7169203331-00"


class Collector:
    """Takes what is exported (OTLP over HTTP). `spans` are those that came."""

    def __init__(self) -> None:
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

        spans = self.spans = []  # type: ignore[var-annotated]
        bodies = self.bodies = []  # type: ignore[var-annotated]

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                bodies.append(body)
                message = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
                for resource in message.resource_spans:
                    for scope in resource.scope_spans:
                        spans.extend(scope.spans)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def trace(self, trace: str) -> dict[str, Any]:
        """The spans of a trace, by name."""
        return {one.name: one for one in self.spans if one.trace_id.hex() == trace}


def attributes(span: Any) -> dict[str, Any]:
    """The attributes of a span."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


@contextlib.contextmanager
def traced(folder: Path, **settings: Any) -> Iterator[tuple[Live, Collector]]:
    """A server that sends its traces to a collector. They are all there when it has stopped."""
    collector = Collector()
    server = Live(folder / "valetkey.db", trace_collector=collector.address, **settings)
    server.start()
    try:
        yield server, collector
    finally:
        server.stop()
        collector.close()


def token(server: Live, **headers: str) -> httpx2.Response:
    return server.http.post("/token", data=CREDENTIALS, auth=MACHINE, headers=headers)


def test_a_request_is_a_span_of_its_callers_trace(tmp_path: Path) -> None:
    with traced(tmp_path, trace_share=0.0) as (server, collector):
        assert token(server, traceparent=CALLER).status_code == 200
        assert token(server).status_code == 200  # of which nothing is recorded
    spans = collector.trace(TRACE)
    assert set(spans) == {"POST /token", "store read"}
    request = spans["POST /token"]
    assert request.parent_span_id.hex() == "b7ad6b7169203331"
    assert spans["store read"].parent_span_id == request.span_id
    assert attributes(request) == {
        "http.request.method": "POST",
        "http.route": "/token",
        "http.response.status_code": 200,
    }
    assert len(collector.spans) == len(spans)


CALLS: list[Any] = [
    row(
        "request",
        "a wrong secret",
        lambda one: one.http.post("/token", data=CREDENTIALS, auth=("machine", "x")),
        ("POST /token", 401, "invalid_client"),
    ),
    row(
        "request",
        "a page",
        lambda one: one.http.get("/device"),
        ("GET /device", 200, None),
    ),
    row(
        "request",
        "no page",
        lambda one: one.http.get("/there/is/none?code=secret-code"),
        ("GET other", 404, None),
    ),
    row(
        "request",
        "a header that no trace has",
        lambda one: token(one, traceparent="00-nothing"),
        ("POST /token", 200, None),
    ),
]


@pytest.mark.parametrize("call, expected", CALLS)
def test_what_a_span_says(
    tmp_path: Path, call: Callable[[Live], Any], expected: tuple[str, int, str | None]
) -> None:
    with traced(tmp_path, trace_share=1.0) as (server, collector):
        call(server)
    (request,) = [one for one in collector.spans if not one.parent_span_id]
    known = attributes(request)
    assert (request.name, known["http.response.status_code"], known.get("error.type")) == expected


def test_a_commit_is_a_span(tmp_path: Path) -> None:
    with traced(tmp_path, trace_share=0.0) as (server, collector):
        asked = server.http.post(
            "/device_authorization",
            data={"client_id": "tv", "scope": "chirps.read"},
            headers={"traceparent": CALLER},
        )
    assert asked.status_code == 200
    spans = collector.trace(TRACE)
    assert spans["store commit"].parent_span_id == spans["POST /device_authorization"].span_id
    assert attributes(spans["store commit"])["valetkey.changes"] >= 1


def test_nothing_private_leaves(tmp_path: Path) -> None:
    with traced(tmp_path, trace_share=1.0) as (server, collector):
        issued = token(server).json()["access_token"]
        server.http.get("/userinfo", headers={"Authorization": f"Bearer {issued}"})
        server.http.get("/authorize?client_id=machine&state=a-private-state")
    sent = b"".join(collector.bodies)
    assert b"POST /token" in sent
    for private in (SECRETS["machine"], issued, "a-private-state"):
        assert private.encode() not in sent


def test_a_caller_that_does_not_trace_is_not_traced(tmp_path: Path) -> None:
    with traced(tmp_path, trace_share=1.0) as (server, collector):
        token(server, traceparent=UNRECORDED)
    assert collector.spans == []


def test_callers_get_their_traces_up_to_a_number_a_second(tmp_path: Path) -> None:
    """Strangers who send a `traceparent` with each request take no more than that."""
    with traced(tmp_path, trace_share=0.0) as (server, collector):
        began = time.monotonic()
        for number in range(3 * TRACES_A_SECOND):
            parent = f"00-{number + 1:032x}-b7ad6b7169203331-01"
            server.http.get("/jwks", headers={"traceparent": parent})
        seconds = int(time.monotonic() - began) + 2
    traces = {one.trace_id for one in collector.spans}
    assert TRACES_A_SECOND <= len(traces) <= seconds * TRACES_A_SECOND
    if seconds == 2:
        assert len(traces) < 3 * TRACES_A_SECOND


def test_a_collector_that_is_away_holds_nobody_up(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/v1/traces"
    server = Live(tmp_path / "valetkey.db", trace_collector=nobody, trace_share=1.0)
    server.start()
    try:
        assert all(token(server).status_code == 200 for _ in range(20))
    finally:
        began = time.monotonic()
        server.stop()
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("part", ["endpoints", "pages", "store", "outbound"])
def test_without_a_collector_nothing_is_on_the_way(part: str) -> None:
    thing = object()
    assert getattr(NOT_TRACED, part)(thing) is thing


@pytest.mark.parametrize("collector", ["collector:4317", "https://user@collector.example/v1"])
def test_no_address_of_a_collector(collector: str) -> None:
    with pytest.raises(SettingsError, match="trace_collector"):
        load({"issuer": "http://127.0.0.1:8000", "trace_collector": collector}, {}, None)


@pytest.fixture
def clicked() -> Iterator[str]:
    """The trace of a click in an app that uses OpenTelemetry."""
    from opentelemetry.sdk.trace import TracerProvider

    with TracerProvider().get_tracer("app").start_as_current_span("a click") as span:
        yield f"{span.get_span_context().trace_id:032x}"


class Heard:
    """The `traceparent` of each request that a transport sends."""

    def __init__(self) -> None:
        self.parents: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.parents.append(request.headers.get("traceparent", ""))
        return httpx2.Response(200, json={})

    def traces(self) -> list[str]:
        return [one.split("-")[1] for one in self.parents]


def test_the_sdk_continues_a_trace(clicked: str) -> None:
    heard = Heard()
    driver = Driver(httpx2.Client(transport=httpx2.MockTransport(heard)))
    driver.send(SdkRequest(method="POST", url="https://id.example/token"))
    assert heard.traces() == [clicked]


@pytest.mark.anyio
async def test_the_kit_continues_a_trace(clicked: str) -> None:
    heard = Heard()
    http = Http(httpx2.AsyncClient(transport=httpx2.MockTransport(heard)))
    await http.get("https://id.example/jwks")
    await http.post("https://id.example/introspect", {"token": "x"}, None)
    assert heard.traces() == [clicked, clicked]


def test_without_a_trace_nothing_is_sent() -> None:
    heard = Heard()
    driver = Driver(httpx2.Client(transport=httpx2.MockTransport(heard)))
    driver.send(SdkRequest(method="GET", url="https://id.example/jwks"))
    assert heard.parents == [""]
