"""A69: open redirect after sign-in.

Attack: A link to the sign-in page leads to another site afterwards.
Defense: After sign-in, the browser stays on the server's own pages.
"""

import pytest
from tests.attacks.play import AS_POST, signed_in
from tests.installation import PASSWORDS
from tests.live import Live
from tests.rows import row

TARGETS = (
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https://evil.example",
    "http://127.0.0.1@evil.example",
    "//evil.example/apps/x",
    "/apps//evil.example",
    "/apps/..//evil.example",
    "/apps/../sign-out",
    "/apps/%2e%2e/sign-out",
    "/apps/\\evil.example",
    "/apps/x\\..\\..\\evil.example",
    "/apps/x?next=https://evil.example",
    "/apps/x#https://evil.example",
    "/apps/x@evil.example",
    "/apps/x:y",
    "/apps/x;y",
    "/apps/x%0d%0aX-Evil:%201",
    "/apps/x\r\nX-Evil: 1",
    "/apps/x\tevil",
    "/apps/\u2215evil.example",
    "/apps/é",
    "/apps/①",
    "/apps.evil.example",
    "/apps@evil.example",
    "/appsevil",
    "/sign-out",
    "/authorize?client_id=stefapp",
    "/continue/x",
    "/static/key.svg",
    "apps/x",
    "javascript:alert(1)",
    "data:text/html,x",
    " /apps/x",
    "\t//evil.example",
    "%2f%2fevil.example",
    "%5c%5cevil.example",
    ".",
    "..",
    "/",
    "x" * 5000,
)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_that_is_no_page_of_the_users_own(target: str, server: Live) -> None:
    browser = server.browser()
    page = browser.http.get("/sign-in", params={"next": target})
    browser.page = page
    form = browser.form("sign-in")
    assert form.action == "/sign-in?next=/apps"
    sent = {**form.fields, "username": "miko", "password": PASSWORDS["miko"]}
    answer = browser.http.post("/sign-in", params={"next": target}, data=sent)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/apps"
    already = browser.http.get("/sign-in", params={"next": target})
    assert already.headers["location"] == "/apps"
    assert "x-evil" not in already.headers


@pytest.mark.parametrize("target", ["/apps", "/apps/06h0pqlgp1vcmd9aotk1anh82c", "/apps/x/stop"])
def test_a_page_of_the_users_own(target: str, server: Live) -> None:
    browser = signed_in(server)
    answer = browser.http.get("/sign-in", params={"next": target})
    assert answer.headers["location"] == target


PATHS = [
    row("A69", "a line end", "/apps/x%0d%0aX-Evil:%201", "/apps/x%0D%0AX-Evil%3A%201"),
    row("A69", "half a line end", "/apps/x%0aX-Evil:%201", "/apps/x%0AX-Evil%3A%201"),
    row("A69", "beyond ASCII", "/apps/%f0%9f%91%bb", "/apps/%F0%9F%91%BB"),
    row("A69", "no UTF-8", "/apps/%ff%fe", "/apps/%EF%BF%BD%EF%BF%BD"),
    row("A69", "another next", "/apps/x%26next=evil", "/apps/x%26next%3Devil"),
    row("A69", "a fragment", "/apps/x%23evil", "/apps/x%23evil"),
    row("A69", "an element", "/apps/%22%3e%3cscript%3e", "/apps/%22%3E%3Cscript%3E"),
    row("A69", "backslashes", "/apps/%5c%5cevil.example", "/apps/%5C%5Cevil.example"),
]


@pytest.mark.parametrize("path,back", PATHS)
def test_a_page_that_wants_a_sign_in_first_leads_to_ours(
    path: str, back: str, server: Live
) -> None:
    answer = server.http.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/sign-in?next={back}"
    assert "x-evil" not in answer.headers
    assert server.http.get(answer.headers["location"]).status_code == 200


NO_PAGES = (
    "/apps/%0d%0a%0d%0a<script>alert(1)</script>",
    "/apps/x&next=https:%2f%2fevil.example",
    "/apps/%2f%2fevil.example",
)


@pytest.mark.parametrize("path", NO_PAGES)
def test_what_has_more_segments_is_no_page(path: str, server: Live) -> None:
    answer = server.http.get(path)
    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert "x-evil" not in answer.headers


@pytest.mark.parametrize("name", ["next", "continue", "return_to", "post_logout_redirect_uri"])
def test_signing_out_leads_nowhere_else(name: str, server: Live) -> None:
    browser = signed_in(server)
    browser.http.get("/sign-out", params={name: "https://evil.example"})
    browser.open("/sign-out")
    form = browser.form("sign-out")
    evil = {name: "https://evil.example"}
    answer = browser.http.post("/sign-out", params=evil, data={**form.fields, **evil})
    assert answer.headers["location"] == "/signed-out"
    assert "evil" not in browser.open("/signed-out?next=https://evil.example").text


MENDED = (
    "//evil.example",
    "/\\evil.example",
    "/evil.example//",
    "/apps/",
    "/sign-in/",
    "/apps%0a/",
    "/sign-in%0a/",
    "/token/",
    "/static",
)


@pytest.mark.parametrize("path", MENDED)
def test_no_slash_is_ever_mended_by_a_redirect(path: str, server: Live) -> None:
    answer = server.http.get(server.url + path, headers={"host": "evil.example"})
    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert answer.headers["content-security-policy"]


@pytest.mark.parametrize("name", ["redirect_uri", "next", "post_logout_redirect_uri", "state"])
def test_a_no_leads_to_the_registered_address_whatever_the_form_says(
    name: str, server: Live
) -> None:
    """The address and the state are those of the request that waits."""
    browser = server.browser()
    browser.open(AS_POST.path())
    form = browser.form("decline")
    evil = {**form.fields, name: "https://evil.example/"}
    answer = browser.http.post(f"{form.action}?{name}=https://evil.example/", data=evil)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{AS_POST.redirect_uri}?error=access_denied&")
    assert "evil" not in answer.headers["location"]


def test_a_no_to_what_does_not_wait_leads_nowhere(server: Live) -> None:
    browser = server.browser()
    browser.open(AS_POST.path())
    form = browser.form("decline")
    # The form was made for another one; a slash makes it a path of which there is none.
    names = {"x": 403, "0" * 26: 403, "..%2fevil": 404, "//evil.example": 404}
    for name, status in names.items():
        answer = browser.http.post(f"/continue/{name}/decline", data=form.fields)
        assert answer.status_code == status
        assert "location" not in answer.headers
