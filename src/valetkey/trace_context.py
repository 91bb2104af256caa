"""W3C Trace Context: the headers by which a request continues the trace of its caller."""

import sys


def trace_headers() -> dict[str, str]:
    """The headers of the current trace, where this program uses OpenTelemetry; else none."""
    if "opentelemetry.trace" not in sys.modules:
        return {}
    from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415

    headers: dict[str, str] = {}
    tracecontext.TraceContextTextMapPropagator().inject(headers)
    return headers
