"""The offer: the closed set of what can be opened, and the names over it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.installation import CHIRP, PHOTOS, RESOURCE_SERVERS
from tests.rows import row

from valetkey.server.oauth.core.offer import Offer
from valetkey.spec.errors import InvalidScope, InvalidTarget

ISSUER = "https://id.example"
OFFER = Offer(ISSUER, RESOURCE_SERVERS)
EVERY = tuple(OFFER.permissions)
SOME = st.sets(st.sampled_from(EVERY))

EXPANDED: list[tuple[str, str, list[str], tuple[str, ...]]] = [
    ("3.3", "a permission", ["chirps.read"], ("chirps.read",)),
    ("3.3", "a set", ["chirps"], ("chirps.read", "chirps.write")),
    ("3.3", "what is implied", ["dms.send"], ("dms.read", "dms.send")),
    (
        "3.3",
        "order and doubles do not count",
        ["photos.read", "openid", "openid"],
        ("openid", "photos.read"),
    ),
    ("3.3", "nothing", [], ()),
]


@pytest.mark.parametrize("scope,permissions", [row(a, b, *rest) for a, b, *rest in EXPANDED])
def test_what_names_stand_for(scope: list[str], permissions: tuple[str, ...]) -> None:
    assert OFFER.expand(scope) == permissions


@pytest.mark.parametrize("name", ["nonsense", "", "CHIRPS", "chirps ", "chirps.*", "*"])
def test_a_name_that_nobody_declared(name: str) -> None:
    with pytest.raises(InvalidScope):
        OFFER.expand(["openid", name])
    assert OFFER.expand_known(["openid", name]) == ("openid",)


@given(SOME)
def test_expanding_is_closed(permissions: set[str]) -> None:
    """All that is implied is in it; doing it again adds nothing; the order is the catalogs'."""
    once = OFFER.expand(permissions)
    assert set(once) >= permissions
    assert OFFER.expand(once) == once
    assert once == OFFER.ordered(once)
    assert list(once) == [one for one in EVERY if one in once]


NAMED: list[tuple[str, str, tuple[str, ...], tuple[str, ...], str]] = [
    (
        "3.3",
        "a set of which all is there",
        ("chirps.read", "chirps.write"),
        ("chirps",),
        "chirps.read chirps.write chirps",
    ),
    ("3.3", "a set of which a part is there", ("chirps.read",), ("chirps",), "chirps.read"),
    (
        "3.3",
        "a set that was not asked for",
        ("chirps.read", "chirps.write"),
        (),
        "chirps.read chirps.write",
    ),
    ("3.3", "nothing", (), ("chirps",), ""),
]


@pytest.mark.parametrize("permissions,asked,scope", [row(a, b, *rest) for a, b, *rest in NAMED])
def test_the_scope_that_says_it(
    permissions: tuple[str, ...], asked: tuple[str, ...], scope: str
) -> None:
    assert OFFER.names(permissions, requested=asked) == scope


@given(SOME, st.sets(st.sampled_from(OFFER.scopes)))
def test_a_scope_says_no_more_and_no_less(permissions: set[str], asked: set[str]) -> None:
    names = OFFER.names(permissions, requested=asked).split()
    members = {one for name in names for one in OFFER.expand([name])}
    assert {name for name in names if name in EVERY} == permissions
    assert members - OFFER.with_implied(permissions) == set()


WITHIN: list[tuple[str, str, list[str], tuple[str, ...]]] = [
    ("8707 2", "one", [CHIRP], ("openid", "chirps.read")),
    ("8707 2", "another", [PHOTOS], ("openid", "photos.read")),
    ("8707 2", "both", [PHOTOS, CHIRP], ("openid", "chirps.read", "photos.read")),
    ("8707 2", "the server itself", [ISSUER], ("openid",)),
]


@pytest.mark.parametrize("resources,left", [row(a, b, *rest) for a, b, *rest in WITHIN])
def test_what_resources_honour(resources: list[str], left: tuple[str, ...]) -> None:
    assert OFFER.within(("photos.read", "openid", "chirps.read"), resources) == left


AUDIENCES: list[tuple[str, str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = [
    (
        "9068 3",
        "those of whom the scope speaks",
        ("photos.read", "openid", "chirps.read"),
        (),
        (ISSUER, CHIRP, PHOTOS),
    ),
    ("9068 3", "those that were asked for", ("openid", "chirps.read"), (CHIRP,), (CHIRP,)),
    ("A10", "one API alone", ("photos.read",), (), (PHOTOS,)),
    (
        "A10",
        "to stay connected is no claim on the account",
        ("offline_access", "photos.read"),
        (),
        (PHOTOS,),
    ),
    ("9068 3", "nobody else", (), (), (ISSUER,)),
    ("A10", "a name alone opens nothing here", ("profile", "photos.read"), (), (PHOTOS,)),
    ("A10", "a machine's", ("chirps.read", "photos.read"), (), (CHIRP, PHOTOS)),
]


@pytest.mark.parametrize("permissions,asked,aud", [row(a, b, *rest) for a, b, *rest in AUDIENCES])
def test_whom_a_token_is_for(
    permissions: tuple[str, ...], asked: tuple[str, ...], aud: tuple[str, ...]
) -> None:
    assert OFFER.audience(permissions, asked) == aud


@pytest.mark.parametrize(
    "resource", ["", "chirp", f"{CHIRP}//", f"{CHIRP}/X", "https://evil.example"]
)
def test_a_resource_that_nobody_registered(resource: str) -> None:
    OFFER.check_resources([CHIRP, PHOTOS, ISSUER])
    with pytest.raises(InvalidTarget):
        OFFER.check_resources([CHIRP, resource])


def test_names_are_unique_in_the_whole_offer() -> None:
    assert len(set(OFFER.scopes)) == len(OFFER.scopes)
    assert OFFER.resources == (ISSUER, CHIRP, PHOTOS)
