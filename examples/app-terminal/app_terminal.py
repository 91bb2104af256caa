"""An app in a terminal. `python app_terminal.py "Hello"`"""

import os
import sys
from contextlib import closing
from pathlib import Path

import httpx2

from valetkey.client import (
    App,
    Denied,
    Full,
    Key,
    LimitReached,
    Partial,
    Passphrase,
    SealedStore,
)

API = os.environ["API"]

app = App(
    issuer=os.environ["ISSUER"],
    client_id="stefapp",
    scope=("openid", "offline_access", "chirps"),
    dpop=True,
)
store = SealedStore(Path("stefapp.key"), Passphrase(os.environ["PASSPHRASE"]))


def main(text: str) -> None:
    """Posts a chirp; asks for a key first, where there is none."""
    with closing(Key(app, store)) as key:
        key.key_changed = lambda change: print("the key is", change.reason)
        post(key, text)


def post(key: Key, text: str) -> None:
    """With the user's yes."""
    if key.tokens is None:
        match key.connect():
            case Full():
                print("connected")
            case Partial(missing=missing):
                print("connected, without", *sorted(missing))
    with httpx2.Client(base_url=API, auth=key.auth()) as api:
        try:
            # Where a permission is missing, the user is asked for it, and the call made again.
            answer = key.calling(lambda: api.post("/chirps", json={"text": text}))
            print(answer.json())
        except Denied:
            print("then not")
        except LimitReached as limit:
            print("not now:", limit)
    if text == "bye":
        key.revoke()
        print("signed out")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "Hello")
