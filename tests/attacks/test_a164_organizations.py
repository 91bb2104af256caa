"""A164: organizations that reach further than their members, and members who reach further than
their organization (CWE-639, CWE-269).

Attack: An administrator of one organization reads, rules or stops another one's, makes strangers
members, or looks at a grant that was given elsewhere; a member makes themselves an administrator,
or takes a permission that the rule forbids; an app names an organization that its user is not in;
a rule is loosened to give an app more than its user allowed; a former administrator repeats an
old call with its Idempotency-Key, to read its answer again.
Defense: Each operation checks of which organization the caller is an administrator, and says of
others what it says of those that are not there. Only the platform's administrators choose members.
A rule is a mask: it takes away from what was allowed, and gives back no more than that. An old call
is answered again only for somebody who could make it now.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from tests.attacks.play import AS_WEB, asking, change, every, introspected, signed_in, tokens
from tests.live import Live, caught_up, live
from tests.rows import row
from tests.server.admin.play import ALL, Administrator, call_of, list_app, machine, person

from valetkey.server.admin.operation import AnyOperation
from valetkey.server.admin.operations.organizations import MANAGE
from valetkey.server.admin.table import OPERATIONS
from valetkey.server.model.grant import Grant
from valetkey.server.model.organization import Membership, Organization
from valetkey.server.oauth.endpoints.administration import OWN


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(
        tmp_path_factory.mktemp("organizations"),
        enable=("administration",),
        unthrottled=("127.0.0.0/8",),
    ) as running:
        for client in ("machine", "web", "agent"):
            list_app(running, client, *ALL)
        caught_up()
        yield running


@pytest.fixture(scope="module")
def platform(server: Live) -> Administrator:
    admin = machine(server)
    for name in ("acme", "bolt"):
        admin.post("/organizations", {"id": name, "name": name.title()})
    noor = {"user": server.users["noor"].id, "administrator": True}
    admin.post("/organizations/acme/members", noor)
    admin.post("/organizations/bolt/members", {"user": server.users["miko"].id})
    return admin


@pytest.fixture(scope="module")
def noor(server: Live, platform: Administrator) -> Administrator:
    """An administrator of acme, without a role at the platform."""
    return person(server, "noor", *ALL)


def of_miko(server: Live) -> Grant:
    miko = server.users["miko"].id
    return next(one for one in every(server, Grant) if one.user == miko)


def rule(admin: Administrator, name: str, **rule: Any) -> None:
    path = f"/organizations/{name}"
    tag = str(admin.call("GET", path).headers["etag"])
    answer = admin.call("PUT", f"{path}/rule", {"rule": rule}, if_match=tag)
    assert answer.status_code == 200, answer.text
    assert answer.json()["applied"]
    assert answer.headers["etag"] == admin.call("GET", path).headers["etag"]


def test_an_administrator_decides_for_their_own(noor: Administrator) -> None:
    assert noor.get("/organizations/acme")["name"] == "Acme"
    rule(noor, "acme", blocked=["kite"])
    rule(noor, "acme")
    assert [one["administrator"] for one in noor.get("/organizations/acme/members")["items"]]
    assert noor.get("/organizations/acme/requests")["items"] == []


OTHERS = [
    ("GET", "", None),
    ("PUT", "/rule", {"rule": {"apps": "listed"}}),
    ("POST", "/effect", {"change": "rule", "rule": {"apps": "listed"}}),
    ("GET", "/members", None),
    ("DELETE", "/members/USER", None),
    ("GET", "/members/USER/grants", None),
    ("POST", "/grants/GRANT/stop", {}),
    ("GET", "/requests", None),
    ("POST", "/requests/answer", {"user": "x", "app": "kite", "allow": True}),
]


ALL_OF_THEM = [one for one in OPERATIONS if one.path.startswith("/organizations")]
PLATFORM = [one for one in ALL_OF_THEM if one.permission != OWN]


def test_each_operation_of_an_organization_is_among_them() -> None:
    """A new operation needs a row above, or a permission of the platform."""
    of_rows = {
        (method, path.replace("USER", "{user}").replace("GRANT", "{grant}"))
        for method, path, _ in OTHERS
    }
    own = [one for one in OPERATIONS if one.permission == OWN]
    prefix = "/organizations/{organization}"
    assert all(one.path.startswith(prefix) for one in own)
    assert {(one.method, one.path.removeprefix(prefix)) for one in own} == of_rows
    assert {one.permission for one in PLATFORM} == {MANAGE}
    assert [one for one in OPERATIONS if one.reach is not None] == own


@pytest.mark.parametrize("operation", [row(one.name, "by a member", one) for one in PLATFORM])
def test_what_is_the_platforms_is_not_an_administrators(
    server: Live, noor: Administrator, operation: AnyOperation
) -> None:
    """Not for another organization, and not for their own."""
    before = every(server, Organization), every(server, Membership)
    for name in ("acme", "bolt", "new"):
        method, path, body = call_of(operation, organization=name)
        answer = noor.call(method, path, body, if_match="*")
        assert answer.status_code == 403, answer.text
        assert answer.json()["permission"] == MANAGE
    assert (every(server, Organization), every(server, Membership)) == before


@pytest.mark.parametrize("method, path, body", OTHERS, ids=lambda one: str(one)[:30])
def test_another_one_is_not_there(
    method: str, path: str, body: Any, *, server: Live, noor: Administrator
) -> None:
    tokens(server)
    grant, user = of_miko(server).id, server.users["miko"].id
    path = path.replace("USER", user).replace("GRANT", grant)
    before = every(server, Grant), every(server, Membership)
    answers = []
    for name in ("bolt", "nobody"):
        answer = noor.call(method, f"/organizations/{name}{path}", body, if_match="*")
        assert answer.status_code == 404, answer.text
        document = answer.json()
        answers.append((document["type"], document["detail"].replace(name, "")))
    assert answers[0] == answers[1]
    assert (every(server, Grant), every(server, Membership)) == before


def test_a_stranger_is_no_member(server: Live, noor: Administrator) -> None:
    """Nor does who decides for members choose whom they decide for."""
    miko = server.users["miko"].id
    path = "/organizations/acme/members"
    assert noor.call("POST", path, {"user": miko}).status_code == 403
    assert noor.call("GET", f"{path}/{miko}/grants").status_code == 404
    assert noor.call("DELETE", f"{path}/{miko}").status_code == 404
    tokens(server)
    grant = of_miko(server).id
    answer = noor.call("POST", f"/organizations/acme/grants/{grant}/stop", {})
    assert answer.status_code == 404
    assert noor.call("GET", "/organizations").status_code == 403


def test_a_member_who_is_no_administrator_decides_nothing(
    server: Live, platform: Administrator
) -> None:
    miko = person(server, "miko", *ALL, client=AS_WEB)
    for method, path, body in OTHERS:
        answer = miko.call(method, f"/organizations/bolt{path}", body, if_match="*")
        assert answer.status_code == 403, answer.text


def test_a_former_administrator_reads_no_old_answer(
    server: Live, platform: Administrator, noor: Administrator
) -> None:
    """Even if they are still one elsewhere, so that their token opens these operations."""
    platform.post("/organizations", {"id": "dune", "name": "Dune"})
    path, user = "/organizations/dune", server.users["noor"].id
    platform.post(f"{path}/members", {"user": user, "administrator": True})
    order = {"rule": {"blocked": ["kite"]}}
    ask = partial(noor.call, "PUT", f"{path}/rule", order, if_match="*", idempotency_key="mine")
    assert ask().json()["rule"]["blocked"] == ["kite"]
    assert ask().headers["idempotent-replayed"] == "true"
    platform.post(f"{path}/members", {"user": user, "administrator": False})
    refused, never = ask(), noor.call("PUT", f"{path}/rule", order, if_match="*")
    assert refused.status_code == never.status_code == 404
    assert refused.json()["detail"] == never.json()["detail"]
    platform.post(f"{path}/members", {"user": user, "administrator": True})
    assert ask().headers["idempotent-replayed"] == "true"


def test_a_machine_is_nobodys_administrator(server: Live, platform: Administrator) -> None:
    agent = machine(server, "organizations.own", client="agent")
    assert agent.call("GET", "/organizations/bolt").status_code == 404


def test_a_rule_withholds_and_gives_no_more_back(server: Live, platform: Administrator) -> None:
    token = tokens(server)["access_token"]
    before = introspected(server, token)["scope"].split()
    allowed = of_miko(server).permissions
    assert "chirps.write" in before
    rule(platform, "bolt", forbidden=["chirps.write"])
    assert "chirps.write" not in introspected(server, token)["scope"].split()
    grant = of_miko(server).id
    page = signed_in(server, "miko").open(f"/apps/{grant}").text
    assert 'id="withheld"' in page
    assert "<bdi>Bolt</bdi>" in page
    assert 'name="more" value="chirps.write"' not in page
    rule(platform, "bolt", blocked=["stefapp", "web"])
    assert not introspected(server, token).get("scope", "")
    rule(platform, "bolt")
    assert introspected(server, token)["scope"].split() == before
    assert of_miko(server).permissions == allowed


def requested(admin: Administrator) -> list[tuple[str, str]]:
    items = admin.get("/organizations/bolt/requests")["items"]
    return [(one["user"], one["app"]) for one in items]


def test_a_member_asks_for_an_app_and_gets_it(server: Live, platform: Administrator) -> None:
    rule(platform, "bolt", blocked=["web"])
    miko = signed_in(server, "miko")
    page = miko.open(AS_WEB.path())
    assert page.status_code == 403
    assert 'id="allow"' not in page.text
    assert 'id="not-allowed"' in page.text
    assert "Bolt" in page.text
    assert "error=access_denied" in page.text, "the way back to the app"
    assert requested(platform) == [], "to look is not to ask"
    for _ in range(2):
        miko.open(AS_WEB.path())
        assert "We told your organization" in miko.press("ask").text
    assert requested(platform) == [(server.users["miko"].id, "web")]
    answer = {"user": server.users["miko"].id, "app": "web", "allow": True}
    platform.post("/organizations/bolt/requests/answer", answer)
    assert requested(platform) == []
    assert 'id="allow"' in miko.open(AS_WEB.path()).text
    rule(platform, "bolt")


def test_nobody_asks_in_the_name_of_a_member(server: Live, platform: Administrator) -> None:
    rule(platform, "bolt", blocked=["web", "kite"])
    miko, noor = signed_in(server, "miko"), signed_in(server, "noor")
    miko.open(AS_WEB.path())
    form = miko.form("ask")
    assert noor.http.post(form.action, data=form.fields).status_code == 403
    for other in ({"client": "kite"}, {"scope": "everything"}, {"csrf": "x"}):
        assert miko.http.post(form.action, data=form.fields | other).status_code == 403
    stranger = server.browser().http.post(form.action, data=form.fields)
    assert stranger.headers.get("location", "").startswith("/sign-in")
    assert requested(platform) == []
    rule(platform, "bolt")


def test_an_organization_that_wants_no_requests_gets_none(
    server: Live, platform: Administrator
) -> None:
    rule(platform, "bolt", blocked=["web"])
    miko = signed_in(server, "miko")
    miko.open(AS_WEB.path())
    before = miko.form("ask")
    rule(platform, "bolt", blocked=["web"], ask=False)
    assert miko.http.post(before.action, data=before.fields).status_code == 404
    assert 'id="ask"' not in miko.open(AS_WEB.path()).text
    assert requested(platform) == []
    rule(platform, "bolt")


def test_an_app_that_asks_silently_is_told_at_once(server: Live, platform: Administrator) -> None:
    rule(platform, "bolt", blocked=["web"])
    miko = signed_in(server, "miko")
    answer = miko.http.get(asking(AS_WEB, prompt="none").path())
    assert 'id="ask"' not in answer.text
    rule(platform, "bolt")


def test_nobody_acts_for_an_organization_that_they_are_not_in(
    server: Live, platform: Administrator
) -> None:
    browser = signed_in(server, "miko")
    browser.open(f"{AS_WEB.path()}&organization=acme")
    assert 'id="allow"' not in browser.page.text


def test_leaving_ends_what_was_given_there(server: Live, platform: Administrator) -> None:
    admin, miko = platform, server.users["miko"].id
    tokens(server)
    grant = of_miko(server)
    change(server, grant, organization="bolt")
    assert admin.call("DELETE", f"/organizations/bolt/members/{miko}").status_code == 200
    assert of_miko(server).status == "stopped"
