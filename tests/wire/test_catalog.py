"""A resource server's catalog: closed, and without riddles."""

from typing import Any

import msgspec
import pytest
from tests.rows import row

from valetkey.wire.catalog import RESERVED, Catalog, Permission, mistakes

READ = Permission(id="posts:read", can="read your posts", group="view")
WRITE = Permission(id="posts:write", can="post in your name", implies=("posts:read",))


def catalog(*permissions: Permission, **scopes: tuple[str, ...]) -> Catalog:
    return Catalog(
        resource="https://chirp.example",
        name="Chirp",
        permissions=permissions or (READ, WRITE),
        scopes=scopes,
    )


def test_a_good_catalog_has_no_mistakes() -> None:
    assert mistakes(catalog(READ, WRITE, basic=("posts:read", "posts:write"))) == []


def named(name: str) -> Catalog:
    return catalog(READ, Permission(id=name, can="do something"))


MISTAKES = [
    row("twice", "a permission", catalog(READ, READ), "'posts:read' stands twice"),
    row(
        "twice",
        "a scope called as a permission",
        Catalog(
            resource="r", name="n", permissions=(READ,), scopes={"posts:read": ("posts:read",)}
        ),
        "'posts:read' stands twice",
    ),
    row("name", "capitals", named("Posts"), "'Posts' is not a lower-case name"),
    row("name", "empty", named(""), "'' is not a lower-case name"),
    row("name", "a space, which parts scopes", named("a b"), "'a b' is not a lower-case name"),
    row("name", "a quote", named('a"b'), "'a\"b' is not a lower-case name"),
    row("name", "a newline", named("a\n"), "'a\\n' is not a lower-case name"),
    row("name", "a digit first", named("1a"), "'1a' is not a lower-case name"),
    row("name", "two colons", named("a::b"), "'a::b' is not a lower-case name"),
    row("name", "a colon last", named("a:"), "'a:' is not a lower-case name"),
    row("name", "a letter outside ASCII", named("é"), "'é' is not a lower-case name"),
    *(
        row("reserved", name, named(name), f"{name!r} is reserved by OpenID Connect")
        for name in sorted(RESERVED)
    ),
    row(
        "words",
        "nothing to say",
        catalog(Permission(id="mute", can="")),
        "'mute' says nothing to the user",
    ),
    row(
        "unknown",
        "implied",
        catalog(Permission(id="a", can="a", implies=("b",))),
        "'a' names 'b', which is unknown",
    ),
    row("unknown", "in a scope", catalog(READ, all=("b",)), "'all' names 'b', which is unknown"),
    row("empty", "a scope", catalog(READ, none=()), "scope 'none' is empty"),
]


@pytest.mark.parametrize("wrong,sentence", MISTAKES)
def test_a_mistake_is_said(wrong: Catalog, sentence: str) -> None:
    assert mistakes(wrong) == [sentence]


def test_all_mistakes_are_said_at_once() -> None:
    wrong = catalog(READ, READ, Permission(id="B", can=""), none=())
    assert len(mistakes(wrong)) == 4


def test_a_permission_is_found_by_its_id() -> None:
    assert catalog().permission("posts:write") is WRITE
    assert catalog().permission("nothing") is None


FORM = [
    row("form", "an unknown member", {"id": "a", "can": "b", "color": "red"}),
    row("form", "an unknown risk", {"id": "a", "can": "b", "risk": "deadly"}),
    row("form", "an unknown group", {"id": "a", "can": "b", "group": "other"}),
    row("form", "no words", {"id": "a"}),
]


@pytest.mark.parametrize("permission", FORM)
def test_a_catalog_from_elsewhere_holds_to_the_form(permission: dict[str, Any]) -> None:
    document = {"resource": "r", "name": "n", "permissions": [permission]}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(document, Catalog)


def test_a_catalog_comes_back_from_json() -> None:
    one = catalog(READ, WRITE, basic=("posts:read",))
    assert msgspec.json.decode(msgspec.json.encode(one), type=Catalog) == one
