"""The administration API, loaded with the first call: most processes never get one."""

from valetkey.server.endpoints.admin.rate_limit import CallRules
from valetkey.server.endpoints.transport import Transport
from valetkey.server.http.front import ALL_METHODS, MethodHandler, refuse_json
from valetkey.server.http.reply import Reply
from valetkey.server.http.request import Request
from valetkey.server.http.shell import Shell
from valetkey.spec.errors import OAuthError


class LazyAdmin:
    """Answers with the handler of `endpoints.admin.handlers`."""

    def __init__(self, shell: Shell, transport: Transport, rules: CallRules) -> None:
        self._parts = shell, transport, rules
        self._handler: MethodHandler | None = None
        self.method_handler = MethodHandler(ALL_METHODS, self.handle, tree=True, refuse=self.refuse)

    def _load(self) -> MethodHandler:
        if self._handler is None:
            from valetkey.server.endpoints.admin.handlers import admin  # noqa: PLC0415

            self._handler = admin(*self._parts)
        return self._handler

    async def handle(self, request: Request) -> Reply:
        """The reply of the API."""
        reply = await self._load().handler(request)
        if not isinstance(reply, Reply):
            raise TypeError("the administration API sends no stream")
        return reply

    def refuse(self, request: Request, error: OAuthError) -> Reply:
        """The refusal, as the API writes it."""
        return (self._load().refuse or refuse_json)(request, error)
