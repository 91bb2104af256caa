"""Traces in a real OpenTelemetry Collector: one trace goes from an app's click through the server
to the answer of an API."""

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tests.client.running import running
from tests.installation import CHIRP_CATALOG, SECRETS
from tests.integration.tools import tool
from tests.live import Live, free_port

from valetkey.client import App, Machine
from valetkey.resource import ResourceServer
from valetkey.resource.starlette import Needs, lifespan

trace = pytest.importorskip("opentelemetry.trace", reason="the extra `otel` is not installed")

pytestmark = pytest.mark.integration

CONFIG: Final = """\
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:{port}
exporters:
  debug:
    verbosity: detailed
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
"""

SPAN: Final = re.compile(
    r"Trace ID +: (\w+)\s+Parent ID +: (\w*)\s+ID +: (\w+)\s+Name +: (.*?)\n", re.DOTALL
)


class Collector:
    """The collector, which writes down what it gets."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}/v1/traces"
        self._file, self._log = folder / "otelcol.yaml", folder / "otelcol.log"
        self._file.write_text(CONFIG.format(port=self.port))

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        words = [str(tool("otelcol")), "--config", str(self._file)]
        with (
            self._log.open("a") as log,
            subprocess.Popen(words, stdout=log, stderr=log) as process,
        ):
            try:
                self._until("Everything is ready")
                yield
            finally:
                process.terminate()

    def spans(self, trace_id: str, *, wanted: set[str]) -> dict[str, tuple[str, str]]:
        """The id and parent of each span of a trace, by name, once the wanted ones are there."""
        until = time.monotonic() + 30
        while True:
            text = self._log.read_text()
            found = {one[3]: (one[2], one[1]) for one in SPAN.findall(text) if one[0] == trace_id}
            if wanted <= found.keys():
                return found
            assert time.monotonic() < until, found
            time.sleep(0.2)

    def services(self) -> set[str]:
        return set(re.findall(r"service\.name: Str\((\w+)\)", self._log.read_text()))

    def _until(self, said: str) -> None:
        until = time.monotonic() + 30
        while said not in self._log.read_text():
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.1)


def tracer(service: str, address: str) -> Any:
    """What an app or an API does that uses OpenTelemetry."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=address)))
    return provider.get_tracer(service)


def api_of(server: Live, spans: Any) -> Starlette:
    """An API with the kit, whose framework is traced as OpenTelemetry's instrumentation does."""
    from opentelemetry.propagate import extract

    chirp = ResourceServer(
        issuer=server.url,
        catalog=CHIRP_CATALOG,
        credentials=("chirp", SECRETS["chirp"]),
        live="ask",
    )
    needs = Needs(chirp)

    @needs("chirps.read")
    async def read(request: Request) -> JSONResponse:
        return JSONResponse({"by": request.state.principal.client_id})

    async def traced(request: Request) -> Any:
        with spans.start_as_current_span("GET /chirps", context=extract(request.headers)):
            return await read(request)

    return Starlette(routes=[Route("/chirps", traced)], lifespan=lifespan(chirp))


def test_one_trace_from_a_click_to_the_answer(tmp_path: Path) -> None:
    from opentelemetry.propagate import inject

    collector = Collector(tmp_path)
    server = Live(tmp_path / "valetkey.db", trace_collector=collector.address, trace_share=0.0)
    with collector.running():
        server.start()
        try:
            api = api_of(server, tracer("api", collector.address))
            app = App(
                issuer=server.url,
                client_id="machine",
                secret=SECRETS["machine"],
                scope=("chirps.read",),
            )
            with running(api) as url:
                clicks = tracer("app", collector.address)
                with (
                    contextlib.closing(Machine(app)) as machine,
                    clicks.start_as_current_span("a click") as click,
                ):
                    headers: dict[str, str] = {}
                    inject(headers)
                    answer = httpx2.get(f"{url}/chirps", headers=headers, auth=machine.auth())
                assert answer.status_code == 200, answer.text
        finally:
            server.stop()
        click_id = f"{click.get_span_context().trace_id:032x}"
        wanted = {"a click", "POST /token", "store read", "GET /chirps", "POST /introspect"}
        spans = collector.spans(click_id, wanted=wanted)
    assert spans["POST /token"][1] == spans["GET /chirps"][1] == spans["a click"][0]
    assert spans["POST /introspect"][1] == spans["GET /chirps"][0]
    assert collector.services() == {"app", "api", "valetkey"}


def test_a_collector_that_comes_and_goes(tmp_path: Path) -> None:
    """Requests are answered all the while, and traces arrive while it is there."""
    collector = Collector(tmp_path)
    server = Live(tmp_path / "valetkey.db", trace_collector=collector.address, trace_share=0.0)
    server.start()

    def call(trace_id: str) -> float:
        began = time.monotonic()
        parent = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
        form = {"grant_type": "client_credentials"}
        auth = ("machine", SECRETS["machine"])
        reply = server.http.post("/token", data=form, auth=auth, headers=parent)
        assert reply.status_code == 200
        return time.monotonic() - began

    try:
        away = [call(f"{number + 1:032x}") for number in range(20)]
        with collector.running():
            there = [call("a" * 32) for _ in range(20)]
            collector.spans("a" * 32, wanted={"POST /token"})
        away += [call(f"{number + 100:032x}") for number in range(20)]
    finally:
        server.stop()
    print("slowest:", round(max(away), 3), "away,", round(max(there), 3), "there")
    assert max(away) < 5  # the exporter's own patience is not the caller's
