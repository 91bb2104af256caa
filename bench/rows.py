"""The rows of a population, quickly: what the server's own packing makes of its members, byte by
byte (`tests/bench` compares them), without making the members.

Their bodies are alike but for a few fields, so these are put into one that was packed in earnest.
"""

import struct
from typing import Any, Final, NamedTuple

import msgspec

from bench.population import APPS, DAY, DEVICES, LIFETIMES, Population
from valetkey.server.model import ids
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant, TokenFamily, live_grant_alias
from valetkey.server.model.record import Record, round_up_expiry
from valetkey.server.model.user import User
from valetkey.server.store.postgres.rows import columns
from valetkey.server.store.sqlite.packed import packing, second_name
from valetkey.server.store.sqlite.tree import block_of

_encode: Final = msgspec.msgpack.Encoder().encode
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"

OF: Final[tuple[type[Record], ...]] = (User, Grant, TokenFamily, Event, Event)
"""The kinds of a member's rows, in order."""


class Row(NamedTuple):
    """What a row holds, in either database."""

    key: bytes
    version: int
    forget_at: int
    alias: bytes | None
    user: bytes | None
    grant: bytes | None
    client: str | None
    body: bytes


class Family(NamedTuple):
    """What of a family's row depends on how long it has been used."""

    version: int
    forget_at: int
    body: bytes


class Rows:
    """Makes the rows of one member after another."""

    def __init__(self, people: Population) -> None:
        self._people = people
        example = people.member(0)
        bodies = [packing(type(one)).pack(one)[-1] for one in example.records]
        self._user, self._grant, self._family, self._granted, self._connected = (
            msgspec.msgpack.decode(one) for one in bodies
        )
        self._at = {
            kind: {name: at for at, name in enumerate(kind.__struct_fields__)} for kind in OF
        }

    def of(self, number: int) -> tuple[int, tuple[Row, ...]]:
        """The place of the member of that number, and the rows."""
        noise, millisecond = self._people.noise(number), self._people.millisecond(number)
        born, time, user = millisecond // 1000, ids.time_prefix(0, millisecond), noise[4:16]
        name = f"{_digits(noise)}.{number}"
        client, device = APPS[noise[16] % len(APPS)].id, DEVICES[noise[17] % len(DEVICES)]
        grant, session = time + noise[18:24], ids.to_text(time + noise[:4] + noise[30:36])
        its = self._of_family(noise, born, client=client, device=device, session=session)
        granted, connected = self._event_row(born, client), self._event_row(born, client, device)
        return int.from_bytes(noise[:4], "big"), (
            Row(user, 1, 0, second_name(name), None, None, None, self._of_user(name, number, born)),
            Row(grant, 1, 0, None, user, None, client, self._of_grant(born)),
            Row(time + noise[24:30], *its[:2], None, user, grant, None, its.body),
            Row(time + noise[36:42], 1, 0, None, user, grant, None, granted),
            Row(
                _daily(noise, born, grant, client, device), 1, 0, None, user, grant, None, connected
            ),
        )

    def _of_user(self, name: str, number: int, born: int) -> bytes:
        return self._body(
            User,
            self._user,
            username=name,
            email=f"{name}@mail.example",
            claims={"name": f"Somebody {number}"},
            created=born,
            changed=born,
        )

    def _of_grant(self, born: int) -> bytes:
        return self._body(Grant, self._grant, created=born, changed=born)

    def _of_family(self, noise: bytes, born: int, **fields: str) -> "Family":
        latest = self._people.latest(noise)
        used = born if self._people.fresh else max(born, latest)
        generation = (used - born) // DAY
        expires = min(used + LIFETIMES.refresh_idle, born + LIFETIMES.refresh_token)
        body = self._body(
            TokenFamily,
            self._family,
            generation=generation,
            rotated=used,
            auth_time=born,
            created=born,
            used=used,
            expires=expires,
            **fields,
        )
        return Family(1 + generation, round_up_expiry(expires, since=born), body)

    def _event_row(self, born: int, client: str, note: str = "") -> bytes:
        whole = self._connected if note else self._granted
        return self._body(Event, whole, at=born, client=client, note=note)

    def _body(self, kind: type[Record], whole: list[Any], **fields: Any) -> bytes:
        body, at = whole.copy(), self._at[kind]
        for name, value in fields.items():
            body[at[name]] = value
        return _encode(body)


def _daily(noise: bytes, born: int, grant: bytes, client: str, device: str) -> bytes:
    """The key of the event that the app was connected, which is one a day."""
    whose = ids.to_text(noise[:4] + noise[4:16])
    what = ids.to_text(grant[: ids.TIME] + noise[:4] + grant[ids.TIME :])
    env = Env(born, bytes)
    name = ids.daily_id(env, whose, "connected", "app", client, what, device, "")
    raw = ids.to_bytes(name)
    return raw[: ids.TIME] + raw[ids.TIME + ids.PLACE :]


def _digits(raw: bytes) -> str:
    """The first five characters of a name."""
    (bits,) = struct.unpack(">I", raw[:4])
    return "".join([_DIGITS[bits >> shift & 31] for shift in (27, 22, 17, 12, 7)])


def in_tree(people: Population, numbers: range) -> list[tuple[Any, ...]]:
    """As SQLite's tree holds them."""
    rows = Rows(people)
    tree_rows = []
    for number in numbers:
        place, its = rows.of(number)
        last = 0
        for kind, row in zip(OF, its, strict=True):
            spot = block_of(place, kind.rank, row.key)
            # By chance, once in sixteen million, both of the events lie in one block.
            last = spot + (spot == last)
            tree_rows.append((last, *row))
    return tree_rows


def in_tables(people: Population, numbers: range) -> dict[type[Record], list[tuple[Any, ...]]]:
    """As PostgreSQL's tables hold them."""
    rows = Rows(people)
    by_kind: dict[type[Record], list[tuple[Any, ...]]] = {kind: [] for kind in OF}
    for number in numbers:
        place, its = rows.of(number)
        for kind, row in zip(OF, its, strict=True):
            values = row._asdict() | {"place": place}
            if kind is Grant:
                user = ids.to_text(place.to_bytes(ids.PLACE, "big") + its[0].key)
                values["alias"] = second_name(live_grant_alias(user, row.client or ""))
            by_kind[kind].append(tuple(values[name] for name in columns(kind)))
    return by_kind
