"""Child keys: what only makes a key smaller is taken, whatever else is refused."""

import os
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.keys import key
from tests.rows import row

from valetkey.jose import base64url, jws, jwt
from valetkey.jose.jwk import PrivateKey
from valetkey.wire import access_token, child_key, dpop
from valetkey.wire.access_token import AccessToken, Confirmation
from valetkey.wire.child_key import MAX_DEPTH, BadChild, Block, Delegation, check, delegate

NOW = 1_800_000_000
UNTIL = NOW + 300
HANDS = [key("ES256", f"hand {number}") for number in range(MAX_DEPTH + 2)]
SERVER = key("ES256", "the server's")


def jkt(of: PrivateKey) -> str:
    return of.public().thumbprint()


def token(**claims: Any) -> AccessToken:
    usual: dict[str, Any] = {
        "iss": "https://id.example",
        "sub": "miko",
        "aud": ("https://api.example",),
        "client_id": "app",
        "jti": "1",
        "scope": "read write pay",
        "iat": NOW - 10,
        "exp": UNTIL,
        "cnf": Confirmation(jkt=jkt(HANDS[0])),
    }
    return AccessToken(**(usual | claims))


TOKEN = token()
TEXT = jwt.sign(TOKEN, key=SERVER, typ=access_token.TYPE)


def child(shown: str, level: int, **fields: Any) -> str:
    """What hand number `level` makes for the next one, otherwise than it should where said."""
    by = fields.pop("by", HANDS[level])
    typ = fields.pop("typ", child_key.TYPE)
    usual: dict[str, Any] = {
        "parent": dpop.token_hash(shown),
        "cnf": {"jkt": jkt(HANDS[level + 1])},
        "scope": "read pay",
        "iat": NOW,
        "exp": NOW + 60,
        "depth": MAX_DEPTH - level - 1,
        "most": {"pay": 500},
    }
    return shown + "~" + jws.sign_embedded(msgspec.json.encode(usual | fields), key=by, typ=typ)


def test_three_hands() -> None:
    shown = child(TEXT, 0)
    shown = child(shown, 1, scope="read pay", most={"pay": 200}, sub="agent")
    shown = child(shown, 2, scope="read", exp=NOW + 20, most={}, depth=0, sub="printer")
    found = check(shown, TOKEN, depth=3, now=NOW)
    assert found == Delegation(
        scopes=frozenset({"read"}),
        until=NOW + 20,
        depth=0,
        keys=tuple(jkt(one) for one in HANDS[:4]),
        names=("", "agent", "printer"),
    )


def test_what_is_written_is_read() -> None:
    shown = delegate(
        TEXT,
        by=HANDS[0],
        to=jkt(HANDS[1]),
        permissions=("read", "pay"),
        now=NOW,
        until=NOW + 60,
        most={"pay": 9},
        name="agent",
    )
    found = check(shown, TOKEN, depth=1, now=NOW)
    assert (found.jkt, found.scopes, found.most) == (
        jkt(HANDS[1]),
        frozenset({"read", "pay"}),
        {"pay": 9},
    )


WRONG = [
    row("widens", "another permission", {"scope": "read admin"}, "more permissions"),
    row("widens", "nothing at all", {"scope": ""}, "no permissions"),
    row("outlives", "by a second", {"exp": UNTIL + 1}, "ends after"),
    row("outlives", "over already", {"exp": NOW}, "is over"),
    row("outlives", "begins before its parent", {"iat": NOW - 1000}, "began before"),
    row("outlives", "begins later", {"iat": NOW + 1000}, "begins later"),
    row("depth", "more than the parent's", {"depth": MAX_DEPTH}, "deeper"),
    row("depth", "below nothing", {"depth": -1}, "deeper"),
    row("reuse", "the parent's own key", {"cnf": {"jkt": jkt(HANDS[0])}}, "key of one before"),
    row("reuse", "no key", {"cnf": {}}, "no key"),
    row("reuse", "a key that is none", {"cnf": {"jkt": "x"}}, "no key"),
    row(
        "reuse",
        "a certificate",
        {"cnf": {"jkt": jkt(HANDS[1]), "x5t#S256": "x"}},
        "certificate",
    ),
    row("proof", "by a stranger", {"by": HANDS[3]}, "not signed by the delegate before"),
    row("proof", "behind another key", {"parent": dpop.token_hash("x")}, "another key"),
    row("proof", "a DPoP proof in its place", {"typ": dpop.TYPE}, "typ"),
    row("limits", "of what it does not open", {"most": {"write": 1}}, "does not have"),
    row("limits", "below nothing", {"most": {"pay": -1}}, "negative"),
    row("form", "a name with a line in it", {"sub": "a\nb"}, "a name"),
    row("form", "a long name", {"sub": "a" * 65}, "a name"),
    row("form", "an amount that is a text", {"most": {"pay": "1"}}, "int"),
    row("form", "no scope", {"scope": None}, "str"),
    row("form", "longer than any block", {"scope": "read" + " " * 3000}, "longer"),
]


@pytest.mark.parametrize("fields,why", WRONG)
def test_what_does_not_fit_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(BadChild, match=why):
        check(child(TEXT, 0, **fields), TOKEN, depth=MAX_DEPTH, now=NOW)


SECOND = [
    row("widens", "what the hand before left out", {"scope": "read write"}, "more permissions"),
    row("outlives", "the hand before", {"exp": NOW + 61}, "ends after"),
    row("limits", "left out", {"most": {}}, "larger amounts"),
    row("limits", "raised", {"most": {"pay": 501}}, "larger amounts"),
    row("depth", "the same again", {"depth": MAX_DEPTH - 1}, "deeper"),
    row("reuse", "the first hand's key", {"cnf": {"jkt": jkt(HANDS[0])}}, "key of one before"),
    row("proof", "by the first hand", {"by": HANDS[0]}, "not signed by the delegate before"),
    row("proof", "behind the token alone", {"parent": dpop.token_hash(TEXT)}, "another key"),
]


@pytest.mark.parametrize("fields,why", SECOND)
def test_the_second_hand_is_bound_by_the_first(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(BadChild, match=why):
        check(child(child(TEXT, 0), 1, **fields), TOKEN, depth=MAX_DEPTH, now=NOW)


def test_as_many_hands_as_the_api_takes_and_never_more_than_the_profile() -> None:
    shown = TEXT
    for level in range(MAX_DEPTH):
        shown = child(shown, level)
        check(shown, TOKEN, depth=level + 1, now=NOW)
        with pytest.raises(BadChild, match="too many"):
            check(shown, TOKEN, depth=level, now=NOW)
    with pytest.raises(BadChild, match="too many"):
        check(child(shown, MAX_DEPTH, depth=0), TOKEN, depth=99, now=NOW)


@pytest.mark.parametrize(
    "cnf",
    [None, Confirmation(x5t_s256="x"), Confirmation(jkt=jkt(HANDS[0]), x5t_s256="x")],
)
def test_what_is_not_bound_to_a_key_alone_is_not_handed_on(cnf: Confirmation | None) -> None:
    with pytest.raises(BadChild, match="not bound to a key"):
        check(child(TEXT, 0), token(cnf=cnf), depth=1, now=NOW)


@pytest.mark.parametrize("bend", ["drop", "swap", "repeat"])
def test_blocks_that_are_dropped_swapped_or_repeated(bend: str) -> None:
    text, first, second = child(child(TEXT, 0), 1).split("~")
    shown = {"drop": [text, second], "swap": [text, second, first], "repeat": [text, first, first]}
    with pytest.raises(BadChild):
        check("~".join(shown[bend]), TOKEN, depth=MAX_DEPTH, now=NOW)


PERMISSIONS = st.sets(st.sampled_from(["read", "write", "pay", "admin"]))
BLOCKS = st.lists(
    st.fixed_dictionaries(
        {
            "scope": PERMISSIONS.map(lambda names: " ".join(sorted(names))),
            "exp": st.integers(NOW - 5, UNTIL + 5),
            "depth": st.integers(-1, MAX_DEPTH + 1),
            "most": st.dictionaries(st.sampled_from(["pay", "write"]), st.integers(-1, 900)),
            "holder": st.integers(0, MAX_DEPTH + 1),
        }
    ),
    min_size=1,
    max_size=MAX_DEPTH + 1,
)


@given(BLOCKS, st.integers(0, MAX_DEPTH + 1))
def test_a_child_is_never_more_than_any_key_before_it(
    blocks: list[dict[str, Any]], depth: int
) -> None:
    """Whatever the hands write, what is let through is within each of them."""
    shown, holder = TEXT, 0
    for fields in blocks:
        to = fields.pop("holder")
        cnf = {"jkt": jkt(HANDS[to])}
        shown = child(shown, 0, by=HANDS[holder], cnf=cnf, **fields)
        holder = to
    try:
        found = check(shown, TOKEN, depth=depth, now=NOW)
    except BadChild:
        return
    said = [_said(one) for one in shown.split("~")[1:]]
    assert len(said) <= min(depth, MAX_DEPTH)
    assert found.until <= min(one.exp for one in said) <= UNTIL
    assert all(found.scopes <= frozenset(one.scope.split()) for one in said)
    assert found.scopes <= TOKEN.scopes
    assert len({*found.keys}) == len(said) + 1
    for one in said:
        for name, top in one.most.items():
            assert name not in found.scopes or found.most[name] <= top
    depths = [one.depth for one in said]
    assert depths == sorted(set(depths), reverse=True)
    assert found.jkt == jkt(HANDS[holder])


def _said(text: str) -> Block:
    return msgspec.json.decode(base64url.decode(text.split(".")[1]), type=Block)


@given(st.binary(min_size=1, max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(BadChild):
        check(f"{TEXT}~{base64url.encode(noise + os.urandom(4))}", TOKEN, depth=1, now=NOW)
