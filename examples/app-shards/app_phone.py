"""A phone, whose part of the key opens nothing by itself. `python app_phone.py`"""

import os
from contextlib import closing
from pathlib import Path

import httpx2

from valetkey.client import (
    App,
    FileStore,
    Key,
    KeySuspended,
    ShardsMissing,
    Tier,
    raise_for_refusal,
)
from valetkey.client.shard_client import Backend

app = App(
    issuer=os.environ["ISSUER"],
    client_id="harbour",
    scope=("openid", "offline_access", "chirps"),
    key_shards=Tier(2, ("device", "backend", "recovery_code")),
    dpop=True,
)
server = Backend(
    f"{os.environ['BACKEND']}/shard", headers=lambda: {"X-Session": "a session of the app's own"}
)


def main() -> None:
    """Shows the timeline, with a key that is renewed for it."""
    with closing(Key(app, FileStore(Path("harbour.json")), others=(server,))) as key:
        show(key)


def show(key: Key) -> None:
    """Each renewal takes two parts."""
    if key.tokens is None:
        key.connect()
    for part in key.tokens.shards if key.tokens else ():
        print(part.holder, part.status, part.claim_uri)
    try:
        key.refresh()
    except ShardsMissing:
        # The server is away: what the user printed stands in for it.
        key.refresh(others=[os.environ["RECOVERY_CODE"]])
    except KeySuspended:
        print("Somebody showed a part of this key. Look at your connected apps.")
        raise
    with httpx2.Client(auth=key.auth()) as api:
        print(len(raise_for_refusal(api.get(f"{os.environ['API']}/chirps")).json()), "chirps")


if __name__ == "__main__":
    main()
