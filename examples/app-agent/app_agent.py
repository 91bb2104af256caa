"""An app whose helpers read for it, each with a smaller key than its own. `python app_agent.py`"""

import os
from pathlib import Path

import httpx2

from valetkey.client import (
    App,
    Delegate,
    DelegatedKey,
    FileStore,
    Helper,
    Key,
    Machine,
    raise_for_refusal,
)

API = os.environ["API"]

app = App(
    issuer=os.environ["ISSUER"],
    client_id="stefapp",
    scope=("openid", "offline_access", "chirps"),
    resource=API,
    dpop=True,
)
reader = Machine(
    App(
        issuer=os.environ["ISSUER"],
        client_id="reader",
        secret=os.environ["SECRET"],
        scope=("chirps.read",),
        dpop=True,
    )
)


def main() -> None:
    """Two helpers count the chirps; neither could write one."""
    key = Key(app, FileStore(Path("stefapp.json")))
    if key.tokens is None:
        key.connect()
    # A client of the server: the user sees it below the app, and can cut it off.
    count("reader", reader.receive(key.delegate(reader, scope=("chirps.read",))))
    # One that nobody knows, for half a minute, with no word to the server.
    helper = Helper()
    delegate = Delegate(thumbprint=helper.thumbprint, seconds=30, name="helper")
    count("helper", helper.receive(key.delegate(delegate, scope=("chirps.read",))))
    key.close()
    reader.close()


def count(name: str, key: DelegatedKey) -> None:
    """What a helper does with its key."""
    with httpx2.Client(auth=key.auth()) as api:
        print(name, len(raise_for_refusal(api.get(f"{API}/chirps")).json()))
        print(name, "may write:", api.post(f"{API}/chirps", json={"text": "?"}).is_success)


if __name__ == "__main__":
    main()
