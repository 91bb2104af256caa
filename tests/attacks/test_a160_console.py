"""A160: staff as a tool against the platform.

Attack: Another site sends a form of the console, or shows it in a frame. An app or a user puts
markup into a name or a reason that staff read. Somebody changes an id in an address.
Defense: A form counts for one session, one page and one purpose. No page of the console can be
framed, and all that others wrote is text there. Each request asks what the person may do now.
"""

from collections.abc import Iterator

import pytest
from tests.attacks.play import STEFAPP, Tags, change, every, find, redeem
from tests.attacks.xss import TEXTS
from tests.browser import Browser, authorize, error_code
from tests.live import Live, live
from tests.rows import row
from tests.server.pages.console.staff import ON, bind, found_acme, staff

from valetkey.server.model.client import Client, Suspension
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.organization import (
    AppRequest,
    GroupSource,
    Membership,
    Organization,
    OrganizationRule,
)
from valetkey.server.model.user import User
from valetkey.server.pages.console.names import segment
from valetkey.server.pages.console.parts import Area


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("console"), unthrottled=("127.0.0.0/8",), **ON) as server:
        redeem(server, authorize(server.browser(), STEFAPP))
        found_acme(server)
        yield server


@pytest.fixture(scope="module")
def owner(server: Live) -> Browser:
    """An owner who has opened Miko's account."""
    browser = staff(server, "noor", "owner")
    browser.open(_user(server))
    browser.press("confirm", reason="Ticket 1")
    return browser


def _user(server: Live) -> str:
    return f"/console/users/{server.users['miko'].id}"


def _forms(server: Live) -> dict[str, str]:
    """The pages with a form, by what it does."""
    (grant,) = every(server, Grant)
    access = f"{_user(server)}/grants/{grant.id}"
    catalog, acme = f"/console/catalogs/{segment('chirp')}", "/console/organizations/acme"
    request = f"{acme}/requests/{server.users['miko'].id}/kite"
    return {
        "open": f"{_user(server)}/open",
        "sign out": f"{_user(server)}/sign-out",
        "link": f"{_user(server)}/reset-link",
        "stop access": f"{access}/stop-access",
        "stop a permission": f"{access}/stop-permission/{segment('chirps.write')}",
        "suspend": "/console/apps/stefapp/suspend",
        "unverify": "/console/apps/stefapp/unverify",
        "preview": f"{catalog}/preview",
        "add an organization": "/console/add-organization",
        "edit an organization": f"{acme}/edit",
        "set a rule": f"{acme}/rule",
        "add a member": f"{acme}/add-member",
        "remove a member": f"{acme}/members/{server.users['miko'].id}/remove-member",
        "allow an app": f"{request}/allow-app",
        "decline an app": f"{request}/decline-app",
        "remove an organization": f"{acme}/remove",
    }


def _state(server: Live) -> object:
    client, (grant,) = find(server, Client, "stefapp"), every(server, Grant)
    companies = [every(server, kind) for kind in (Organization, Membership, AppRequest)]
    return client, grant, len(every(server, Event)), companies


_FILLED = {
    "id": "evil",
    "name": "Evil",
    "user": "noor",
    "administrator": "yes",
    "apps": "all",
    "action": "save",
}
"""What a forged form about an organization says."""

FORGED = [
    row("A63", "no token", {"csrf": None}),
    row("A63", "an empty token", {"csrf": ""}),
    row("A63", "random bytes", {"csrf": "A" * 43}),
]


@pytest.mark.parametrize("fields", FORGED)
def test_a_forged_form_does_nothing(
    fields: dict[str, str | None], server: Live, owner: Browser
) -> None:
    for name, path in _forms(server).items():
        before = _state(server)
        sent = {
            "reason": "x",
            **_FILLED,
            **{key: value for key, value in fields.items() if value is not None},
        }
        answer = owner.http.post(path, data=sent)
        assert answer.status_code == 403, name
        assert _state(server) == before, name


def test_a_form_counts_for_one_page_and_one_session(server: Live, owner: Browser) -> None:
    forms = _forms(server)
    owner.open(forms["link"])
    token = owner.form("confirm").fields["csrf"]
    for name, path in forms.items():
        if name == "link":
            continue
        before = _state(server)
        assert (
            owner.http.post(path, data={"csrf": token, "reason": "x", **_FILLED}).status_code == 403
        ), name
        assert _state(server) == before, name
    other = staff(server, "miko", "owner")
    other.open(forms["suspend"])
    token = other.form("confirm").fields["csrf"]
    answer = owner.http.post(forms["suspend"], data={"csrf": token, "reason": "x", **_FILLED})
    assert answer.status_code == 403
    bind(server, "miko")
    owner.open(forms["suspend"])
    elsewhere = owner.http.post(
        forms["suspend"],
        data={"csrf": owner.form("confirm").fields["csrf"], "reason": "x"},
        headers={"origin": "https://evil.example"},
    )
    assert elsewhere.status_code == 403
    assert find(server, Client, "stefapp").status == "active"


def test_no_page_can_be_framed_or_kept(server: Live, owner: Browser) -> None:
    paths = [one.path for one in Area]
    for path in (*paths, _user(server), *_forms(server).values(), "/console/apps/stefapp"):
        page = owner.open(path)
        assert page.status_code == 200, path
        assert page.headers["x-frame-options"] == "DENY", path
        policy = page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy, path
        assert "form-action 'self'" in policy, path
        assert "unsafe" not in policy, path
        assert page.headers["cache-control"] == "no-store", path
        assert page.headers["referrer-policy"] == "no-referrer", path


def test_what_others_wrote_is_text(server: Live, owner: Browser) -> None:
    client, user = find(server, Client, "stefapp"), find(server, User, server.users["miko"].id)
    (grant,) = every(server, Grant)
    forms = _forms(server)
    paths = (
        *("/console", "/console/users", "/console/apps", "/console/apps/stefapp", _user(server)),
        *(forms[one] for one in ("suspend", "stop access", "stop a permission")),
        *("/console/organizations", "/console/organizations/acme"),
        *(forms[one] for one in ("edit an organization", "set a rule", "remove an organization")),
        *(forms[one] for one in ("remove a member", "allow an app")),
    )
    for text in TEXTS[::6]:
        change(
            server,
            find(server, Client, "stefapp"),
            name=text,
            reasons={"chirps.write": text},
            suspension=Suspension(since=1, reason=text),
            redirect_uris=(*client.redirect_uris, f"https://x.example/{text[:80]}"),
        )
        acme = find(server, Organization, "acme")
        line = " ".join(text.split())[:90]
        group = GroupSource(source=line, group=line)
        rule = OrganizationRule(blocked=("kite", line), forbidden=(line,))
        change(server, acme, name=text[:200], groups=(group,), rule=rule)
        miko = find(server, User, user.id)
        change(server, miko, email=text[:200], claims={"name": text, "family_name": text})
        for path in (*paths, f"/console/users?by=name&search={segment(text)[:90]}"):
            page = owner.open(path)
            assert page.status_code == 200, (path, text)
            for tag, attributes in Tags(page.text).tags:
                assert tag not in {"script", "iframe", "object", "embed", "base", "style"}, text
                for attribute, value in attributes.items():
                    assert not attribute.startswith("on"), (text, attribute)
                    assert attribute != "style", text
                    if attribute in ("href", "src", "action"):
                        assert value.startswith(("/", "#")), (text, value)
    change(server, find(server, Client, "stefapp"), name=client.name, suspension=None)
    change(server, find(server, User, user.id), email=user.email, claims=user.claims)
    assert grant.status == "active"


def test_ids_of_others_lead_nowhere(server: Live, owner: Browser) -> None:
    """A grant below another user, and a support view that was opened for somebody else."""
    (grant,) = every(server, Grant)
    noor = f"/console/users/{server.users['noor'].id}"
    assert owner.open(noor).url.path == f"{noor}/open"
    owner.press("confirm", reason="Ticket 2")
    for act in ("stop-access", f"stop-permission/{segment('chirps.write')}"):
        assert owner.open(f"{noor}/grants/{grant.id}/{act}").status_code == 404
    for path in (
        "users/' OR 1=1",
        "users/%00",
        f"users/{'a' * 3000}",
        "apps/~~",
        "audit/../keys/x",
    ):
        assert owner.open(f"/console/{path}").status_code in (400, 404, 414), path
    assert find(server, Grant, grant.id).status == "active"


def test_support_cannot_help_itself_to_more(server: Live) -> None:
    """Nobody takes over an account that may do more than they."""
    bind(server, "miko", "owner")
    browser = staff(server, "noor", "support")
    browser.open(_user(server))
    browser.press("confirm", reason="Ticket 3")
    for act in ("reset-link", "sign-out"):
        browser.open(f"{_user(server)}/{act}")
        page = browser.press("confirm", reason="Mine now")
        assert page.status_code == 403, act
        assert error_code(page.text) == "access_denied"
    bind(server, "miko")
