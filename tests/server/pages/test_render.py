"""What the pages say and send, read from their HTML."""

import re
from collections import Counter
from typing import get_args
from unittest.mock import Mock

import pytest
from msgspec.structs import replace
from tests.server.pages.document import Document
from tests.server.pages.preview import DISTINCT, PREVIEWED, document

from valetkey.server.model.event import Kind
from valetkey.server.oauth.authorize.interaction import Why
from valetkey.server.pages.authorize import AnswerFormView
from valetkey.server.pages.components import PriorAnswer, View
from valetkey.server.pages.console.parts import ConsoleView
from valetkey.server.pages.console.routes import console_pages
from valetkey.server.pages.console.staff import Console
from valetkey.server.pages.credentials.password_way import PasswordWay
from valetkey.server.pages.frame import ErrorView, Frame
from valetkey.server.pages.locales import LOCALES
from valetkey.server.pages.mail import MailView
from valetkey.server.pages.presenters import HISTORY
from valetkey.server.pages.render import render
from valetkey.server.pages.routes import table
from valetkey.server.pages.samples import SAMPLES, parts, views
from valetkey.server.pages.ways import SignInChoice

HERE = re.compile(r"[?#]|/(?!/)")
SCRIPTS = {f"/static/{name}.js" for name in ("apps", "passkeys", "password", "work", "zone")}
EVERY = [(tag, name) for tag in PREVIEWED for name in SAMPLES]


def test_every_view_is_in_the_table_and_has_a_sample() -> None:
    frame = Mock(spec=Frame, shell=Mock(), cookies=Mock(), linked="/linked", passkeys=Mock())
    choice = SignInChoice((PasswordWay(frame),))
    console = console_pages(Console(frame, Mock()), ())
    displayed = {view for row in table(frame, choice, console=console) for view in row.views}
    # A mail is no page; `test_notices` and `tests.promises.test_mail` read them.
    # Another test of this process may have imported the guide's page.
    ours = (*View.__subclasses__(), *ConsoleView.__subclasses__())
    every = {one for one in ours if one.__module__.startswith("valetkey.")}
    every -= {MailView, ConsoleView}
    bare = {one.__name__ for one in every - {type(view) for view in SAMPLES.values()}}
    assert not bare, (
        f"{bare} have no sample: add one to a module of src/valetkey/server/pages/samples, so that "
        "the tests read the page in every language"
    )
    # Any page may become the error page.
    lost = {one.__name__ for one in every ^ (displayed | {ErrorView})}
    assert not lost, (
        f"{lost}: each view has to be among the `views` of a TableRow in "
        "src/valetkey/server/pages/routes.py, or in the module that this table includes"
    )


def test_every_page_of_users_is_looked_at() -> None:
    every = {one.template for one in SAMPLES.values()}
    users = {one for one in every if not one.startswith("console/")}
    unseen = users - {SAMPLES[one].template for one in DISTINCT}
    assert not unseen, (
        f"no browser looks at {unseen}: add the names of their samples to DISTINCT in "
        "tests/server/pages/preview.py"
    )


@pytest.mark.parametrize("tag,name", EVERY)
def test_a_page_runs_nothing_and_loads_nothing_from_elsewhere(tag: str, name: str) -> None:
    view = SAMPLES[name]
    leaves = view.action if isinstance(view, AnswerFormView) else ""
    for element in document(name, tag=tag).elements:
        assert element.tag not in {"style", "iframe", "object", "embed", "base"}
        if element.tag == "script":
            assert element.text == ""
            (script, rest) = element.attributes.pop("src"), element.attributes
            assert (script in SCRIPTS, rest) == (True, {"defer": ""})
        assert "style" not in element.attributes
        assert not [key for key in element.attributes if key.startswith("on")]
        for key in {"href", "src", "action", "formaction"} & set(element.attributes):
            address = element.attributes[key]
            elsewhere = element.tag == "a" and address.startswith("https://")
            away = element.tag == "form" and address == leaves
            assert elsewhere or away or HERE.match(address), address


@pytest.mark.parametrize("tag,name", EVERY)
def test_a_page_holds_together(tag: str, name: str) -> None:
    html = document(name, tag=tag)
    ids = Counter(
        element.attributes["id"] for element in html.elements if "id" in element.attributes
    )
    assert set(ids.values()) == {1}
    for element in html.elements:
        references = [
            element.attributes.get(key) for key in ("for", "aria-describedby", "aria-labelledby")
        ]
        assert {reference for reference in references if reference} <= set(ids)
        href = element.attributes.get("href", "")
        assert not href.startswith("#") or href[1:] in ids
    root = html.one("html")
    assert root.attributes["lang"] == tag
    assert root.attributes["dir"] == ("rtl" if tag == "ar-XB" else "ltr")
    assert len(html.find("h1")) == 1
    assert len([one for one in html.elements if "autofocus" in one.attributes]) <= 1
    assert html.find("title")[0].text.endswith(SAMPLES[name].site.name)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_form_is_posted_with_its_token_and_by_a_button(name: str) -> None:
    html = document(name)
    for form in html.find("form"):
        inside = [element for element in html.elements if form in element.around]
        if form.attributes.get("role") == "search":
            # It asks for a list, and changes nothing.
            assert form.attributes["method"] == "get"
            assert not [e for e in inside if e.attributes.get("name") == "csrf"]
            continue
        assert form.attributes["method"] == "post"
        if name.startswith("answer"):
            # It goes to an app: a token of ours is nothing that it may know.
            assert not [e for e in inside if e.attributes.get("name") == "csrf"]
            continue
        assert [e.attributes["value"] for e in inside if e.attributes.get("name") == "csrf"] == [
            parts.FORM.csrf
        ]
        assert [e for e in inside if e.tag == "button" and e.attributes["type"] == "submit"]
    assert not [e for e in html.find("button") if not any(a.tag == "form" for a in e.around)]


STABLE = {
    "sign-in": ("input#username", "input#password", "button#sign-in"),
    "sign-in-refused": ("input#username", "input#password", "button#sign-in"),
    "sign-in-again": ("input#username", "input#password", "button#sign-in"),
    "choice": ("button#continue", "button#another"),
    "sign-up": ("input#username", "input#password", "button#sign-up"),
    "answer": ("form#answer", "button#continue"),
    "consent": ("button#allow", "button#cancel"),
    "consent-more": ("button#allow", "button#cancel"),
    "consent-nothing-new": ("button#allow", "button#cancel"),
    "app": ("button#save", "button#pause", "button#stop"),
    "app-paused": ("button#save", "button#resume", "button#stop"),
    "app-given": ("button#save", "button#give", "button#stop"),
    "apps-narrowed": ("input#search", "select#show", "a#more", "a#unused", "a#export"),
    "unused": ("button#stop",),
    "stop": ("button#stop",),
    "sign-out": ("button#sign-out",),
    "signed-out": ("h1#signed-out",),
    "error": ("h1#error", "dd#error-code"),
}


@pytest.mark.parametrize("tag", LOCALES)
@pytest.mark.parametrize("name,names", STABLE.items(), ids=STABLE)
def test_names_that_others_rely_on(name: str, names: tuple[str, ...], tag: str) -> None:
    html = document(name, tag=tag)
    for element in names:
        kind, _, identity = element.partition("#")
        assert len(html.find(kind, id=identity)) == 1


@pytest.mark.parametrize("name", ["apps", "apps-one", "apps-hostile", "app", "app-paused", "stop"])
def test_an_app_is_an_article_with_its_client_id(name: str) -> None:
    view = SAMPLES[name]
    wanted = [row.app.client_id for row in getattr(view, "apps", [view])]
    articles = document(name).find("article")
    assert [article.attributes["data-client-id"] for article in articles] == wanted


def boxes(html: Document) -> dict[str, tuple[bool, bool]]:
    """Each permission's box by its value: (ticked, can be changed)."""
    found = html.find("input", type="checkbox", name="permission")
    return {
        box.attributes["value"]: ("checked" in box.attributes, "disabled" not in box.attributes)
        for box in found
    }


FREE, FIXED, REFUSED = (True, True), (True, False), (False, True)
BOXES = {
    "consent": {
        "profile:read": FIXED,
        "posts:read": FIXED,
        "posts:write": FREE,
        "offline_access": FREE,
    },
    "consent-more": {"messages:read": REFUSED, "messages:write": REFUSED},
    "consent-nothing-new": {},
    "consent-broad": {
        "posts:read": FIXED,
        "posts:write": (False, True),
        "messages:write": (False, True),
    },
    "app": {
        "profile:read": FIXED,
        "posts:read": FIXED,
        "posts:write": FREE,
        "offline_access": FREE,
    },
}


@pytest.mark.parametrize("name,expected", BOXES.items(), ids=BOXES)
def test_what_is_to_be_decided_has_a_box(name: str, expected: dict[str, tuple[bool, bool]]) -> None:
    html = document(name)
    assert boxes(html) == expected
    assert list(boxes(html)) == list(expected)  # in the order of kinds
    for box in html.find("input", type="checkbox"):
        form = next(element for element in box.around if element.tag == "form")
        assert form.attributes["action"] == parts.FORM.action


@pytest.mark.parametrize("why", get_args(Why))
def test_every_reason_to_ask_is_on_the_page(why: Why) -> None:
    view = replace(views.CONSENT, cause=why, changed=why == "changed")
    html = Document(render(view, language="en"))
    # A new permission is a reason that the page is full of; a changed app is among the facts.
    assert len(html.find(id="cause")) == (why not in {"permissions", "changed"})
    assert ("has changed its details" in html.one("main").text) == (why == "changed")


@pytest.mark.parametrize("kind", sorted(HISTORY))
def test_every_line_of_the_history_has_words(kind: Kind) -> None:
    entry = replace(views.APP.history[0], kind=kind)
    html = Document(render(replace(views.APP, history=(entry,)), language="de"))
    assert html.one("section", **{"aria-labelledby": "history"}).text


def titles(html: Document, part: str) -> list[str]:
    """The permissions under a heading, in order."""
    return [
        element.text
        for element in html.find("span")
        if element.attributes.get("class") == "title"
        and element.inside(**{"aria-labelledby": part})
    ]


@pytest.mark.parametrize("name", ["consent", "app"])
def test_what_the_app_cannot_do_is_complete_and_begins_with_the_riskiest(name: str) -> None:
    html = document(name)
    listed = titles(html, "cannot")
    whole = [one.title for group in parts.CATALOG for one in group.permissions]
    assert sorted(listed) == sorted(whole)
    assert listed[:3] == [parts.MESSAGES.title, parts.SEND.title, parts.DELETE.title]
    assert listed[3] == parts.EDIT.title


@pytest.mark.parametrize("name", ["consent", "app"])
def test_what_the_app_cannot_do_stands_by_api(name: str) -> None:
    html = document(name)
    heads = [
        one.text
        for one in html.elements
        if one.tag in {"h3", "summary"} and one.inside(**{"aria-labelledby": "cannot"})
    ]
    assert heads == ["Chirp", "Your account", "All of Photos: 2 permissions"]


def test_a_long_list_is_folded_and_nothing_is_left_out() -> None:
    html = document("consent-many")
    assert len(titles(html, "cannot")) == 2 * len(parts.MANY) + 3
    first, hostile, last = [summary.text for summary in html.find("summary")]
    assert (first, last) == ("and 24 more", "All of Photos: 1 permission")
    assert hostile.startswith("All of <script>")
    assert hostile.endswith(": 30 permissions")


def test_of_one_api_alone_no_name_is_needed() -> None:
    html = document("consent-more")
    assert not [one for one in html.find("h3") if one.inside(**{"aria-labelledby": "cannot"})]


def test_a_risk_is_told_in_words() -> None:
    rows = {row.text for row in document("consent-more").find("li") if row.inside(id="main")}
    assert any(text.startswith("Read your direct messages Sensitive") for text in rows)
    assert not any(re.search("Read your timeline Sensitive", text) for text in rows)


@pytest.mark.parametrize("name", ["consent", "consent-many", "app", "app-many"])
def test_what_the_app_cannot_do_has_no_badges(name: str) -> None:
    badges = [
        one
        for one in document(name).find("span")
        if "badge" in one.attributes.get("class", "").split()
    ]
    assert not [one for one in badges if one.inside(**{"aria-labelledby": "cannot"})]
    assert {one.text for one in badges if one.inside(**{"class": "permissions"})} <= {"Sensitive"}


def test_reasons_are_marked_as_the_words_of_the_app() -> None:
    html = document("consent")
    reason = html.one(id=html.one("input", value="posts:write").attributes["aria-describedby"])
    assert reason.text == f"Reason given by stefApp: {parts.POST.reason}"


def test_only_what_is_new_is_asked_and_the_rest_is_folded_away() -> None:
    html = document("consent-more")
    assert html.one("h1").text == "stefApp wants more access"
    assert html.one("summary").text == "3 permissions it already has"
    assert titles(html, "can") == [
        permission.title
        for permission in (
            parts.MESSAGES,
            parts.SEND,
            parts.PROFILE,
            parts.READ,
            parts.POST,
        )
    ]


def test_password_managers_find_their_fields() -> None:
    html = document("sign-in")
    assert html.one(id="username").attributes["autocomplete"] == "username"
    assert html.one(id="password").attributes["autocomplete"] == "current-password"
    assert html.one(id="password").attributes["type"] == "password"
    assert "value" not in html.one(id="password").attributes


def test_allow_and_cancel_post_their_words() -> None:
    html = document("consent")
    for decision in ("allow", "cancel"):
        button = html.one("button", id=decision)
        assert (button.attributes["name"], button.attributes["value"]) == ("action", decision)


def test_a_box_is_never_ticked_again_by_itself() -> None:
    asked = tuple(replace(p, answer=PriorAnswer.REFUSED) for p in (parts.POST, parts.STAY))
    assert boxes(Document(render(replace(views.CONSENT, requested=asked), language="en"))) == {
        "posts:write": REFUSED,
        "offline_access": REFUSED,
    }


WRONG_FIELDS = [
    ("limits-field", "often-day-1", "Enter 10 or less. The app doesn't ask for more."),
    ("limits-day", "date", "Choose today or a later date."),
    ("consent-limits-wrong", "much-1", "Enter an amount in EUR, in steps of 0.01."),
]


@pytest.mark.parametrize("name,field,words", WRONG_FIELDS)
def test_a_field_that_is_wrong_is_marked_and_has_the_cursor(
    name: str, field: str, words: str
) -> None:
    html = document(name)
    (marked,) = html.find("", **{"aria-invalid": "true"})
    assert (marked.attributes["id"], marked.attributes["aria-describedby"]) == (field, "wrong")
    assert "autofocus" in marked.attributes
    assert html.one(id="wrong").text == words
    assert html.one("", role="alert").text.startswith("Your changes weren't saved.")
    assert html.one("title").text.startswith("Problem: ")


def test_what_was_typed_is_kept() -> None:
    html = document("consent-limits-wrong")
    assert html.one(id="much-1").attributes["value"] == "abc"
    chosen = [one.attributes["value"] for one in html.find("option", selected="")]
    assert chosen == ["day", "month"]
    assert "open" in html.one("details", id="set-limits").attributes
    assert boxes(html)[parts.POST.id] == (False, True)
    assert document("limits-field").one(id="often-day-1").attributes["value"] == "abc"
