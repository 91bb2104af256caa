"""One renewal, however many processes want it."""

import subprocess
import sys
from pathlib import Path

from tests.client.serving import serving

from valetkey.client import FileStore, Tokens

TOKENS = Tokens(access_token="a token", refresh_token="its successor's", scope=("a",))
GOOD = b'{"access_token":"another","token_type":"Bearer","expires_in":60}'

_ANOTHER = """
import asyncio, sys
from pathlib import Path
from valetkey.client import App, AsyncKey, FileStore, Key
app = App(issuer=sys.argv[1], client_id="x", scope=("a",))
store = FileStore(Path(sys.argv[2]))
held = store.load()
print("ready", flush=True)
sys.stdin.readline()
if sys.argv[3] == "threads":
    print(Key(app, store).refresh(held).access_token)
else:
    print(asyncio.run(AsyncKey(app, store).refresh(held)).access_token)
"""


def test_processes_share_one_renewal(tmp_path: Path) -> None:
    place = tmp_path / "key.json"
    FileStore(place).save(TOKENS)
    with serving() as server:
        server.replies["/token"] = (200, GOOD)
        command = [sys.executable, "-W", "ignore", "-c", _ANOTHER, server.url, str(place)]
        started = [
            subprocess.Popen(
                [*command, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for kind in ("threads", "tasks", "threads")
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate(timeout=60)[0] for process in started]
        assert said == ["another\n"] * 3
        assert server.paths().count("/token") == 1
