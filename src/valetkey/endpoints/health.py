"""Is it alive, is it ready? For whoever runs the server."""

from valetkey.http import files
from valetkey.http.front import Endpoint
from valetkey.http.reply import Reply, json_reply
from valetkey.http.request import Request
from valetkey.http.shell import Shell
from valetkey.spec.errors import TemporarilyUnavailable


def health(shell: Shell) -> dict[str, Endpoint]:
    """`/healthz`: the process answers. `/readyz`: its keys are open, its database answers, and it
    can open files."""

    async def alive(request: Request) -> Reply:
        return json_reply({"status": "ok"})

    async def ready(request: Request) -> Reply:
        if not files.room():
            raise TemporarilyUnavailable(detail="no file can be opened")
        await shell.context()
        await shell.store.read()
        return json_reply({"status": "ok"})

    methods = frozenset({"GET", "HEAD"})
    return {"/healthz": Endpoint(methods, alive), "/readyz": Endpoint(methods, ready)}
