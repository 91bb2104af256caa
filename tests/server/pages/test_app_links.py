"""What an app registers about itself, on the page where its users decide."""

from pathlib import Path
from urllib.parse import quote

from msgspec.structs import replace
from tests.attacks.play import AS_WEB, Tags, asking, every, find
from tests.browser import authorize
from tests.installation import CHIRP
from tests.live import live

from valetkey.server.model.change import Update
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.wire.authorization_details import Detail, write


def test_policy_and_terms_are_linked_and_the_picture_is_ours(tmp_path: Path) -> None:
    """A picture from the app's own server would tell it who looks, when and from where."""
    with live(tmp_path) as server:
        client = find(server, Client, "web")
        fields = {
            "policy_uri": "https://web.example/privacy",
            "tos_uri": "https://web.example/terms?a=1&b=2",
            "logo_uri": "https://web.example/logo.png",
        }
        server.run(server.store.commit([Update(replace(client, **fields))]))
        browser = server.browser()
        browser.open(AS_WEB.path())
        browser.sign_in()
        assert 'id="allow"' in browser.page.text
        tags = Tags(browser.page.text).tags
        links = {one["href"]: one.get("rel", "") for tag, one in tags if tag == "a"}
        assert links["https://web.example/privacy"] == "noopener noreferrer"
        assert links["https://web.example/terms?a=1&b=2"] == "noopener noreferrer"
        assert "logo.png" not in browser.page.text
        assert "/logo?of=web" in [one.get("src") for tag, one in tags if tag == "img"]
        assert "web.example" not in browser.page.headers["content-security-policy"].replace(
            "form-action 'self' https://web.example", ""
        )


def test_the_way_to_an_app_says_who_sends_its_user(tmp_path: Path) -> None:
    """OpenID Connect Core 4: with `iss`."""
    with live(tmp_path) as server:
        browser = server.browser()
        authorize(browser, AS_WEB)
        client = find(server, Client, "web")
        told = replace(client, initiate_login_uri="https://web.example/begin?a=1")
        server.run(server.store.commit([Update(told)]))
        (grant,) = every(server, Grant)
        page = browser.open(f"/apps/{grant.id}").text
        links = [one["href"] for tag, one in Tags(page).tags if tag == "a"]
        assert f"https://web.example/begin?a=1&iss={quote(server.issuer, safe='')}" in links


def test_limits_that_an_app_asks_for_are_read_before_the_yes(tmp_path: Path) -> None:
    """RFC 9396: they stand open, in plain words, where the user decides."""
    details = write(
        [
            Detail(
                type=CHIRP,
                actions=("chirps.write",),
                limits={"chirps.write": {"often": {"day": 5}}},
            )
        ]
    )
    with live(tmp_path) as server:
        browser = server.browser()
        browser.open(asking(AS_WEB, authorization_details=details, scope="openid").path())
        browser.sign_in()
        tags = Tags(browser.page.text)
        (limits,) = (one for tag, one in tags.tags if one.get("id") == "set-limits")
        assert "open" in limits
        said = " ".join(" ".join(tags.text).split())
        assert "The app asks for no more than 5 per day." in said
        plain = server.browser()
        plain.open(AS_WEB.path())
        plain.sign_in()
        (limits,) = (
            one for tag, one in Tags(plain.page.text).tags if one.get("id") == "set-limits"
        )
        assert "open" not in limits
