"""A line in the log for each request, for operators who want one (`log_requests`).

It says who called what, how it ended and how long it took. It has no query, no body and no header,
and of a page only the pattern of its path: codes and handles travel in those. A request that never
reached its handler, because of its method or size, has only its line `refused`.
"""

from collections.abc import Mapping

from valetkey.server.http import log
from valetkey.server.http.front import App, MethodHandler
from valetkey.server.http.metrics import RequestEnd, timed, timed_pages
from valetkey.server.http.request import Request


class NoRequestLog:
    """Logs no request, and costs nothing."""

    def endpoints(self, handlers: Mapping[str, MethodHandler]) -> Mapping[str, MethodHandler]:
        """The endpoints, by path."""
        return handlers

    def pages(self, app: App) -> App:
        """The pages."""
        return app


class RequestLog(NoRequestLog):
    """Logs each request when its reply is ready; that of a stream when it begins."""

    def endpoints(self, handlers: Mapping[str, MethodHandler]) -> Mapping[str, MethodHandler]:
        return {path: timed(path, one, _line) for path, one in handlers.items()}

    def pages(self, app: App) -> App:
        return timed_pages(app, _line)


def _line(request: Request, end: RequestEnd) -> None:
    details = {"error": end.error} if end.error else {}
    log.info(
        "request",
        method=request.method,
        route=end.route,
        status=end.status,
        **details,
        client=request.claimed_client,
        address=request.address,
        milliseconds=round(end.seconds * 1000, 1),
    )
