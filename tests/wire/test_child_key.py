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
HOLDERS = [key("ES256", f"hand {number}") for number in range(MAX_DEPTH + 2)]
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
        "cnf": Confirmation(jkt=jkt(HOLDERS[0])),
    }
    return AccessToken(**(usual | claims))


TOKEN = token()
TEXT = jwt.sign(TOKEN, key=SERVER, typ=access_token.TYPE)


def child(presented: str, level: int, **fields: Any) -> str:
    """What hand number `level` makes for the next one, otherwise than it should where said."""
    by = fields.pop("by", HOLDERS[level])
    typ = fields.pop("typ", child_key.TYPE)
    usual: dict[str, Any] = {
        "parent": dpop.token_hash(presented),
        "cnf": {"jkt": jkt(HOLDERS[level + 1])},
        "scope": "read pay",
        "iat": NOW,
        "exp": NOW + 60,
        "depth": MAX_DEPTH - level - 1,
        "most": {"pay": 500},
    }
    return presented + "~" + jws.sign_embedded(msgspec.json.encode(usual | fields), key=by, typ=typ)


def test_three_hands() -> None:
    presented = child(TEXT, 0)
    presented = child(presented, 1, scope="read pay", most={"pay": 200}, sub="agent")
    presented = child(presented, 2, scope="read", exp=NOW + 20, most={}, depth=0, sub="printer")
    result = check(presented, TOKEN, depth=3, now=NOW)
    assert result == Delegation(
        scopes=frozenset({"read"}),
        until=NOW + 20,
        depth=0,
        keys=tuple(jkt(one) for one in HOLDERS[:4]),
        names=("", "agent", "printer"),
    )


def test_what_is_written_is_read() -> None:
    presented = delegate(
        TEXT,
        by=HOLDERS[0],
        to=jkt(HOLDERS[1]),
        permissions=("read", "pay"),
        now=NOW,
        until=NOW + 60,
        most={"pay": 9},
        name="agent",
    )
    result = check(presented, TOKEN, depth=1, now=NOW)
    assert (result.jkt, result.scopes, result.most) == (
        jkt(HOLDERS[1]),
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
    row("reuse", "the parent's own key", {"cnf": {"jkt": jkt(HOLDERS[0])}}, "key of one before"),
    row("reuse", "no key", {"cnf": {}}, "no key"),
    row("reuse", "a key that is none", {"cnf": {"jkt": "x"}}, "no key"),
    row(
        "reuse",
        "a certificate",
        {"cnf": {"jkt": jkt(HOLDERS[1]), "x5t#S256": "x"}},
        "certificate",
    ),
    row("proof", "by a stranger", {"by": HOLDERS[3]}, "not signed by the delegate before"),
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
    row("reuse", "the first hand's key", {"cnf": {"jkt": jkt(HOLDERS[0])}}, "key of one before"),
    row("proof", "by the first hand", {"by": HOLDERS[0]}, "not signed by the delegate before"),
    row("proof", "behind the token alone", {"parent": dpop.token_hash(TEXT)}, "another key"),
]


@pytest.mark.parametrize("fields,why", SECOND)
def test_the_second_hand_is_bound_by_the_first(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(BadChild, match=why):
        check(child(child(TEXT, 0), 1, **fields), TOKEN, depth=MAX_DEPTH, now=NOW)


def test_as_many_hands_as_the_api_takes_and_never_more_than_the_profile() -> None:
    presented = TEXT
    for level in range(MAX_DEPTH):
        presented = child(presented, level)
        check(presented, TOKEN, depth=level + 1, now=NOW)
        with pytest.raises(BadChild, match="too many"):
            check(presented, TOKEN, depth=level, now=NOW)
    with pytest.raises(BadChild, match="too many"):
        check(child(presented, MAX_DEPTH, depth=0), TOKEN, depth=99, now=NOW)


@pytest.mark.parametrize(
    "cnf",
    [None, Confirmation(x5t_s256="x"), Confirmation(jkt=jkt(HOLDERS[0]), x5t_s256="x")],
)
def test_what_is_not_bound_to_a_key_alone_is_not_handed_on(cnf: Confirmation | None) -> None:
    with pytest.raises(BadChild, match="not bound to a key"):
        check(child(TEXT, 0), token(cnf=cnf), depth=1, now=NOW)


@pytest.mark.parametrize("bend", ["drop", "swap", "repeat"])
def test_blocks_that_are_dropped_swapped_or_repeated(bend: str) -> None:
    text, first, second = child(child(TEXT, 0), 1).split("~")
    presented = {
        "drop": [text, second],
        "swap": [text, second, first],
        "repeat": [text, first, first],
    }
    with pytest.raises(BadChild):
        check("~".join(presented[bend]), TOKEN, depth=MAX_DEPTH, now=NOW)


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
    presented, holder = TEXT, 0
    for fields in blocks:
        to = fields.pop("holder")
        cnf = {"jkt": jkt(HOLDERS[to])}
        presented = child(presented, 0, by=HOLDERS[holder], cnf=cnf, **fields)
        holder = to
    try:
        result = check(presented, TOKEN, depth=depth, now=NOW)
    except BadChild:
        return
    text = [last_block(one) for one in presented.split("~")[1:]]
    assert len(text) <= min(depth, MAX_DEPTH)
    assert result.until <= min(one.exp for one in text) <= UNTIL
    assert all(result.scopes <= frozenset(one.scope.split()) for one in text)
    assert result.scopes <= TOKEN.scopes
    assert len({*result.keys}) == len(text) + 1
    for one in text:
        for name, top in one.most.items():
            assert name not in result.scopes or result.most[name] <= top
    depths = [one.depth for one in text]
    assert depths == sorted(set(depths), reverse=True)
    assert result.jkt == jkt(HOLDERS[holder])


def last_block(text: str) -> Block:
    return msgspec.json.decode(base64url.decode(text.split(".")[1]), type=Block)


@given(st.binary(min_size=1, max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(BadChild):
        check(f"{TEXT}~{base64url.encode(noise + os.urandom(4))}", TOKEN, depth=1, now=NOW)
