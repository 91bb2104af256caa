"""A resource server's catalog: closed, and without riddles."""

from typing import Any

import msgspec
import pytest
from tests.rows import row

from valetkey.wire.catalog import MOST, RESERVED, Catalog, Permission, Words, mistakes

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


def catalog_with(name: str) -> Catalog:
    return catalog(READ, Permission(id=name, can="do something"))


MISTAKES = [
    row(
        "twice", "a permission", catalog(READ, READ), "'posts:read' names two permissions or scopes"
    ),
    row(
        "twice",
        "a scope called as a permission",
        Catalog(
            resource="r", name="n", permissions=(READ,), scopes={"posts:read": ("posts:read",)}
        ),
        "'posts:read' names two permissions or scopes",
    ),
    row("name", "capitals", catalog_with("Posts"), "'Posts' is not a lower-case name"),
    row("name", "empty", catalog_with(""), "'' is not a lower-case name"),
    row(
        "name", "a space, which parts scopes", catalog_with("a b"), "'a b' is not a lower-case name"
    ),
    row("name", "a quote", catalog_with('a"b'), "'a\"b' is not a lower-case name"),
    row("name", "a newline", catalog_with("a\n"), "'a\\n' is not a lower-case name"),
    row("name", "a digit first", catalog_with("1a"), "'1a' is not a lower-case name"),
    row("name", "two colons", catalog_with("a::b"), "'a::b' is not a lower-case name"),
    row("name", "a colon last", catalog_with("a:"), "'a:' is not a lower-case name"),
    row("name", "a letter outside ASCII", catalog_with("é"), "'é' is not a lower-case name"),
    *(
        row("reserved", name, catalog_with(name), f"{name!r} is reserved by OpenID Connect")
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
    *(
        row(
            "5646",
            f"words in {tag!r}",
            catalog(Permission(id="a", can="a", words={tag: Words(can="b")})),
            f"'a' has words in {tag!r}, which is no language tag in lower case",
        )
        for tag in ("DE", "german", "de_AT", "", "de-", "d", "de\n", "de-ß")
    ),
    row(
        "words",
        "nothing to say in German",
        catalog(Permission(id="mute", can="a", words={"de": Words(can="")})),
        "'mute' says nothing to the user in 'de'",
    ),
    row(
        "size",
        "more than anybody reads",
        catalog(*(Permission(id=f"a{n}", can="a") for n in range(MOST + 1))),
        f"{MOST + 1} permissions are more than {MOST}",
    ),
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


WORDS = Permission(
    id="a",
    can="post",
    cannot="post or delete",
    words={
        "de": Words(can="schreiben", cannot="schreiben oder löschen"),
        "pt-br": Words(can="publicar"),
    },
)

LANGUAGES = [
    row("4647", "its own", "en", "post", "post or delete"),
    row("4647", "another", "de", "schreiben", "schreiben oder löschen"),
    row("4647", "a region of it", "de-AT", "schreiben", "schreiben oder löschen"),
    row("4647", "one without words for cannot", "pt-BR", "publicar", "publicar"),
    row("4647", "wider than there is", "pt", "post", "post or delete"),
    row("4647", "unknown", "fr", "post", "post or delete"),
    row("4647", "none", "", "post", "post or delete"),
    row("4647", "nonsense", "-", "post", "post or delete"),
]


@pytest.mark.parametrize("language,can,cannot", LANGUAGES)
def test_a_permission_speaks_the_nearest_language(language: str, can: str, cannot: str) -> None:
    assert WORDS.words_in(language) == Words(can=can, cannot=cannot)


def test_what_an_app_cannot_do_is_said_in_the_same_words_where_there_are_no_others() -> None:
    assert READ.words_in("en") == Words(can="read your posts", cannot="read your posts")
