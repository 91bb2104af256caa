"""What an app registers about itself, on the page where its users decide."""

from pathlib import Path

from msgspec.structs import replace
from tests.attacks.play import AS_WEB, Tags, find
from tests.live import live

from valetkey.model.change import Update
from valetkey.model.client import Client


def test_policy_and_terms_are_linked_and_no_picture_is_fetched(tmp_path: Path) -> None:
    """A picture of the app's own would come from its server: it would learn who looks, when and
    from where, and could show there what it likes."""
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
        assert "web.example" not in browser.page.headers["content-security-policy"].replace(
            "form-action 'self' https://web.example", ""
        )
