"""`python -m bench.desk`: is the console as quick with a million users and 100,000 apps?

Fills a database of each size, with a tenth as many apps as users and as many audit records as
users, and runs the real server on it. Takes turns in opening each page of the console and in
calling each operation of the administration API that reads a list, each time for another user, app
or search. Prints p50 and p99 in milliseconds, as a client sees them, and the ratio of p50 to that
of the first size.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

import httpx2
from tests.attacks.play import change, every
from tests.live import Live, caught_up, live
from tests.server.admin.play import ALL, list_app, machine
from tests.server.pages.console.staff import staff

from bench import audit
from bench.audit_rows import MASTER, app_of, request_of
from bench.desk_fill import ORGANIZATIONS, WORDS, Size, fill
from bench.population import APPS, DAY, population
from valetkey.server.model.query import Many
from valetkey.server.model.record import Record
from valetkey.server.model.role import PATH
from valetkey.server.model.user import Session
from valetkey.server.settings.administration import AdministrationSettings
from valetkey.server.store.database_url import Database, PostgresURL

R = TypeVar("R", bound=Record)

SIZES: Final = (10_000, 1_000_000)
SETTINGS: Final[dict[str, Any]] = {
    "name": "Chirp",
    "enable": ("administration",),
    "unthrottled": ("127.0.0.0/8",),
    "administration": AdministrationSettings(calls_per_minute=100_000),
}


class Desk:
    """A running server of one size. `random` draws what is looked at."""

    def __init__(self, server: Live, size: Size, cookies: Any, user: str) -> None:
        self.random = Random(size.people.size)
        self._server, self._size, self._staff = server, size, user
        self.renew()
        self._browser = server.browser()
        self._browser.http.cookies.update(cookies)
        self._deep: dict[str, str] = {}
        self._opened = [self._open_case(one) for one in self.random.sample(range(self.people), 5)]

    def renew(self) -> None:
        """Get a new token and a fresh sign-in: the first ones would not last."""
        self._api = machine(self._server)
        query = Many(Session, "user", self._staff)
        store = self._server.store
        for session in self._server.run(store.read(query)).many(query):
            change(self._server, session, auth_time=int(time.time()))

    @property
    def people(self) -> int:
        """The number of users."""
        return self._size.people.size

    def user(self) -> Any:
        """A member."""
        return self._size.people.member(self.random.randrange(self.people))

    def app(self) -> str:
        """The id of an app."""
        return f"app{self.random.randrange(self._size.apps)}"

    def popular(self) -> str:
        """The id of an app that a tenth of the users use."""
        return self.random.choice(APPS).id

    def word(self) -> str:
        """The first word of an app's name, and of a company's."""
        return self.random.choice(WORDS)

    def case(self) -> str:
        """The page of a user whose account support has opened."""
        return self.random.choice(self._opened)

    def company(self) -> str:
        """The id of an organization."""
        return f"company{self.random.randrange(ORGANIZATIONS)}"

    def request(self) -> str:
        """The id of a recorded request."""
        return request_of(self.random.randrange(self.people))

    def _open_case(self, number: int) -> str:
        path = f"/console/users/{self._size.people.member(number).user.id}"
        self._browser.open(path)
        page = self._browser.press("confirm", reason="Ticket 7")
        assert page.status_code == 200, page.text
        return path

    def open(self, path: str) -> httpx2.Response:
        """A page of the console. Raises RuntimeError."""
        return _checked(self._browser.http.get(path))

    def call(self, path: str) -> httpx2.Response:
        """An operation of the API. Raises RuntimeError."""
        return _checked(self._api.call("GET", path))

    def preview(self, body: dict[str, Any], path: str) -> httpx2.Response:
        """An operation that only counts. Raises RuntimeError."""
        return _checked(self._api.call("POST", path, body))

    def read_all(self, kind: type[R]) -> tuple[R, ...]:
        """All records of a kind."""
        return every(self._server, kind)

    def deep(self, path: str) -> str:
        """The path of the fourth page of a list, or of the last one before it."""
        if path not in self._deep:
            where = f"{path}?limit=200"
            for _ in range(3):
                following = self.call(where).json().get("next")
                where = f"{path}?limit=200&cursor={following}" if following else where
            self._deep[path] = where
        return self._deep[path]


def _checked(answer: httpx2.Response) -> httpx2.Response:
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.status_code} at {answer.url}: {answer.text[:300]}")
    return answer


Path_ = Callable[[Desk], str]

PAGES: Final[dict[str, Path_]] = {
    "": lambda _: "",
    "?step=hour": lambda _: "?step=hour",
    "/users": lambda _: "/users",
    "/users?by=email": lambda one: f"/users?by=email&search={one.user().user.email}",
    "/users?by=name": lambda _: "/users?by=name&search=Somebody",
    "/users?by=username": lambda one: f"/users?by=username&search={one.user().user.username}",
    "/users?by=subject": lambda one: f"/users?by=subject&search={one.user().user.id}",
    "/users/{user}/open": lambda one: f"/users/{one.user().user.id}/open",
    "/users/{user}, opened": lambda one: one.case().removeprefix("/console"),
    "/apps": lambda _: "/apps",
    "/apps?search=word": lambda one: f"/apps?search={one.word()}",
    "/apps?search=host": lambda one: f"/apps?search={one.word().lower()}.example",
    "/apps?show=suspended": lambda _: "/apps?show=suspended",
    "/apps?show=unverified": lambda _: "/apps?show=unverified",
    "/apps/{app}": lambda one: f"/apps/{one.app()}",
    "/apps/{app}/suspend": lambda one: f"/apps/{one.popular()}/suspend",
    "/organizations": lambda _: "/organizations",
    "/organizations?search": lambda one: f"/organizations?search={one.word()}",
    "/organizations/{organization}": lambda one: f"/organizations/{one.company()}",
    "/organizations/{of 1,000 members}": lambda _: "/organizations/company0",
    "/organizations/{of 1,000}/remove": lambda _: "/organizations/company0/remove",
    "/catalogs": lambda _: "/catalogs",
    "/policies": lambda _: "/policies",
    "/keys": lambda _: "/keys",
    "/audit": lambda _: "/audit",
    "/audit?app": lambda one: f"/audit?app={app_of(one.random.randrange(1000))}",
    "/audit?request": lambda one: f"/audit?request={one.request()}",
    "/jobs": lambda _: "/jobs",
    "/settings": lambda _: "/settings",
    "/health": lambda _: "/health",
}
"""The pages of the console, by their path."""

CALLS: Final[dict[str, Path_]] = {
    "/users": lambda _: "/users",
    "/users, the fourth page of 200": lambda one: one.deep("/users"),
    "/users?email": lambda one: f"/users?email={one.user().user.email}",
    "/users?email, a beginning": lambda one: f"/users?email={one.user().user.email[:2]}",
    "/users?name": lambda _: "/users?name=somebody",
    "/users?username": lambda one: f"/users?username={one.user().user.username}",
    "/users/{user}": lambda one: f"/users/{one.user().user.id}",
    "/users/{user}/sessions": lambda one: f"/users/{one.user().user.id}/sessions",
    "/users/{user}/grants": lambda one: f"/users/{one.user().user.id}/grants",
    "/users/{user}/activity": lambda one: f"/users/{one.user().user.id}/activity",
    "/users/{user}/export": lambda one: f"/users/{one.user().user.id}/export",
    "/apps": lambda _: "/apps",
    "/apps, the fourth page of 200": lambda one: one.deep("/apps"),
    "/apps?name": lambda one: f"/apps?name={one.word()}",
    "/apps?domain": lambda one: f"/apps?domain={one.word().lower()}.example",
    "/apps/{app}": lambda one: f"/apps/{one.app()}",
    "/apps/{app}/usage": lambda one: f"/apps/{one.popular()}/usage",
    "/grants?user": lambda one: f"/grants?user={one.user().user.id}",
    "/grants?app&count": lambda one: f"/grants?app={one.popular()}&count=true",
    "/grants?permission&count": lambda _: "/grants?permission=chirps.write&count=true",
    "/grants?unused_since&count": lambda one: (
        f"/grants?unused_since={int(time.time()) - 20 * DAY}&count=true&app={one.popular()}"
    ),
    "/grants/{grant}": lambda one: f"/grants/{one.user().grant.id}",
    "/roles": lambda _: "/roles",
    "/organizations": lambda _: "/organizations",
    "/organizations?search": lambda one: f"/organizations?search={one.word()}",
    "/organizations/{of 1,000}/members": lambda _: "/organizations/company0/members",
    "/bulk-stops": lambda _: "/bulk-stops",
    "/resources": lambda _: "/resources",
    "/policies": lambda _: "/policies",
    "/keys": lambda _: "/keys",
    "/jobs": lambda _: "/jobs",
    "/streams": lambda _: "/streams",
    "/statistics": lambda _: "/statistics",
    "/events": lambda _: "/events",
    "/events?app": lambda one: f"/events?app={app_of(one.random.randrange(1000))}",
    "/events?request": lambda one: f"/events?request={one.request()}",
    "/events?operation": lambda _: "/events?operation=password-changed",
    "/events/export": lambda _: "/events/export",
}
"""Reading operations of the API, by their path."""

PREVIEWS: Final[dict[str, tuple[str, Callable[[Desk], dict[str, Any]]]]] = {
    "/bulk-stops/preview, an app": ("/bulk-stops/preview", lambda one: {"app": one.popular()}),
    "/bulk-stops/preview, all": ("/bulk-stops/preview", lambda _: {"all": True}),
    "/organizations/{of 1,000}/effect": (
        "/organizations/company0/effect",
        lambda one: {"change": "rule", "rule": {"blocked": [one.popular()]}},
    ),
}


def requests() -> Iterator[tuple[str, Callable[[Desk], Callable[[], Any]]]]:
    """What is measured: a name, and what prepares one request."""

    def page(make: Path_) -> Callable[[Desk], Callable[[], Any]]:
        return lambda one: _later(one.open, f"/console{make(one)}")

    def call(make: Path_) -> Callable[[Desk], Callable[[], Any]]:
        return lambda one: _later(one.call, make(one))

    def preview(path: str, make: Any) -> Callable[[Desk], Callable[[], Any]]:
        return lambda one: _later(one.preview, make(one), path)

    yield from ((f"/console{name}", page(make)) for name, make in PAGES.items())
    yield from ((f"{PATH}{name}", call(make)) for name, make in CALLS.items())
    for name, (path, make) in PREVIEWS.items():
        yield f"{PATH}{name}", preview(path, make)


def _later(function: Callable[..., Any], *values: Any) -> Callable[[], Any]:
    return lambda: function(*values)


@contextlib.contextmanager
def desk(size: Size, folder: Path, url: str) -> Iterator[Desk]:
    """Fills a new database, and serves it."""
    at = Database(PostgresURL(url)) if "://" in url else Database(Path(url))
    settings = {**SETTINGS, "at": at.at, "master_key": MASTER}
    folder.mkdir()

    async def fill_audit() -> None:
        await (await audit.fill(url, size.people.size, size.people.now * 1000)).close()

    asyncio.run(fill_audit())
    with live(folder, **settings) as first:
        list_app(first, "machine", *ALL)
        cookies, port = staff(first, "noor", "owner").http.cookies, first.port
        user = first.users["noor"].id
    began = time.monotonic()
    asyncio.run(fill(at, size))
    note = {"users": size.people.size, "apps": size.apps}
    print(json.dumps({**note, "filled in s": round(time.monotonic() - began)}), flush=True)
    again = Live(folder / "valetkey.db", port=port, **settings)
    again.start(furnished=False)
    try:
        caught_up()
        yield Desk(again, size, cookies, user)
    finally:
        again.stop()


def measure(desks: list[Desk], options: argparse.Namespace) -> None:
    """Takes turns, and prints a line for each."""
    for name, prepare in requests():
        if not name.startswith(options.only):
            continue
        for one in desks:
            one.renew()
        waits: dict[int, list[float]] = {one.people: [] for one in desks}
        for turn in range(options.requests + 5):
            for one in desks:
                send = prepare(one)
                began = time.perf_counter()
                send()
                if turn >= 5:
                    waits[one.people].append((time.perf_counter() - began) * 1000)
        middle = [median(times) for times in waits.values()]
        late = [quantiles(times, n=100)[98] for times in waits.values()]
        line = {
            "what": name,
            "p50": [round(one, 1) for one in middle],
            "p99": [round(one, 1) for one in late],
            "ratio": round(middle[-1] / middle[0], 2),
        }
        print(json.dumps(line), flush=True)


def main(options: argparse.Namespace) -> None:
    """Fill, take turns, and print."""
    with ExitStack() as stack:
        fresh = stack.enter_context(audit.databases(options.database, options.folder))
        files = Path(stack.enter_context(TemporaryDirectory(dir=options.folder)))
        now, desks = int(time.time()), []
        for people in options.sizes:
            size = Size(population(people, now=now), people // 10)
            desks.append(stack.enter_context(desk(size, files / f"{people}", fresh(people))))
        measure(desks, options)


def parse(words: list[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m bench.desk", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="users, least first")
    parser.add_argument("--requests", type=int, default=200, help="of each kind")
    parser.add_argument("--only", default="", help="requests of which the name begins so")
    parser.add_argument("--folder", type=Path, help="where the files go meanwhile")
    return parser.parse_args(words)


if __name__ == "__main__":
    main(parse(sys.argv[1:]))
