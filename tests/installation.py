"""One small platform that the tests of the running server share: its API, its apps, its users."""

import os
import time
from functools import cache
from typing import Final

from valetkey.jose.seal import digest
from valetkey.server.accounts import password
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client, Exchange, StoredSecret
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Secret
from valetkey.server.model.policy import Policy
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import User
from valetkey.server.store.port import Store
from valetkey.wire import opaque
from valetkey.wire.catalog import Catalog, Permission

CHIRP: Final = "https://chirp.example"
PHOTOS: Final = "https://photos.example"

CHIRP_CATALOG: Final = Catalog(
    resource=CHIRP,
    name="Chirp",
    permissions=(
        Permission(id="chirps.read", can="read your timeline", group="view"),
        Permission(id="chirps.write", can="post chirps in your name", risk="medium", counted=True),
        Permission(id="profile.write", can="change your profile", risk="medium"),
        Permission(id="dms.read", can="read your direct messages", risk="high", group="view"),
        Permission(id="dms.send", can="send direct messages", risk="high", implies=("dms.read",)),
        Permission(id="account.delete", can="delete your account", risk="high"),
    ),
    scopes={"chirps": ("chirps.read", "chirps.write")},
)

PHOTOS_CATALOG: Final = Catalog(
    resource=PHOTOS,
    name="Photos",
    permissions=(Permission(id="photos.read", can="see your photos", group="view"),),
)


def secret() -> str:
    """A client secret as the server would make it."""
    return opaque.write("cs", os.urandom(32))


SECRETS: Final = {
    name: secret()
    for name in ("web", "post", "machine", "till", "agent", "printer", "chirp", "photos")
}
"""The secrets of the clients and resource servers, by id."""

PASSWORDS: Final = {"miko": "correct horse battery", "noor": "staple of the evening"}
"""The passwords of the users, by username."""

LOOPBACK: Final = "http://127.0.0.1/callback"
WEB: Final = "https://web.example/callback"


def _kept(name: str) -> tuple[StoredSecret, ...]:
    return (StoredSecret(digest(SECRETS[name]), 0),)


CLIENTS: Final = (
    Client(
        id="stefapp",
        name="stefApp",
        redirect_uris=(LOOPBACK, "com.example.stefapp:/callback"),
        scope=(
            "openid",
            "profile",
            "email",
            "offline_access",
            "chirps",
            "profile.write",
            "dms.send",
        ),
        required=("chirps.read",),
        reasons={"chirps.write": "To post what you write here."},
        uri="https://stef.example",
    ),
    Client(
        id="web",
        name="Web app",
        auth_method="client_secret_basic",
        secrets=_kept("web"),
        redirect_uris=(WEB, "https://web.example/other?x=1"),
        scope=("openid", "profile", "email", "offline_access", "chirps", "photos.read"),
        uri="https://web.example",
        policy="oidc",
    ),
    Client(
        id="post",
        name="Post app",
        auth_method="client_secret_post",
        secrets=_kept("post"),
        redirect_uris=("https://post.example/callback",),
        scope=("openid", "email", "chirps.read"),
        verified=False,
    ),
    Client(
        id="machine",
        name="Machine",
        auth_method="client_secret_basic",
        secrets=_kept("machine"),
        grant_types=("client_credentials",),
        scope=("chirps", "photos.read"),
    ),
    Client(
        id="agent",
        name="Agent",
        auth_method="client_secret_basic",
        secrets=_kept("agent"),
        grant_types=(
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        scope=("chirps", "dms.read", "photos.read"),
        exchange=Exchange(clients=("web", "kite", "stefapp", "agent"), audiences=(CHIRP, PHOTOS)),
    ),
    Client(
        id="printer",
        name="Printer",
        auth_method="client_secret_basic",
        secrets=_kept("printer"),
        grant_types=("urn:ietf:params:oauth:grant-type:token-exchange",),
        scope=("chirps.read", "photos.read"),
        exchange=Exchange(clients=("agent", "printer"), audiences=(PHOTOS,)),
    ),
    Client(
        id="till",
        name="Corner shop",
        auth_method="client_secret_basic",
        secrets=_kept("till"),
        grant_types=("urn:openid:params:grant-type:ciba", "refresh_token"),
        scope=("openid", "profile", "offline_access", "chirps"),
    ),
    Client(
        id="tv",
        name="Living room",
        grant_types=("urn:ietf:params:oauth:grant-type:device_code", "refresh_token"),
        scope=("openid", "profile", "offline_access", "chirps", "dms.read"),
    ),
    Client(
        id="spa",
        name="Page app",
        redirect_uris=("https://spa.example/callback",),
        scope=("openid", "chirps.read"),
    ),
)

RESOURCE_SERVERS: Final = (
    ResourceServer(id="chirp", catalog=CHIRP_CATALOG, secrets=_kept("chirp")),
    ResourceServer(id="photos", catalog=PHOTOS_CATALOG, secrets=_kept("photos")),
)

POLICIES: Final = (Policy(name="oidc", pkce="optional"),)


def users() -> tuple[User, ...]:
    """Miko and Noor, with fresh ids."""
    env = Env(int(time.time()), os.urandom)
    return tuple(
        User(
            id=ids.user_id(env),
            username=name,
            password=_hashed(word),
            email=f"{name}@example.org",
            email_verified=True,
            claims={"name": name.title()},
            created=env.now,
            changed=env.now,
        )
        for name, word in PASSWORDS.items()
    )


@cache
def _hashed(word: str) -> str:
    # Once for all servers of a run: it is made to take its time.
    return password.hash_password(Secret(word), salt=os.urandom(16))


async def furnish(store: Store) -> dict[str, User]:
    """Puts the platform into an empty store; the users by username."""
    people = users()
    records = (*CLIENTS, *RESOURCE_SERVERS, *POLICIES, *people)
    await store.commit(tuple(Create(record) for record in records))
    return {user.username: user for user in people}
