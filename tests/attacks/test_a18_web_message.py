"""A18: tokens by postMessage (RFC 9700 4.17).

Attack: A page receives a response that was meant for another page.
Defense: No response travels by postMessage. Only the session frame sends one word, to the page that
asked.
"""

import re
from importlib.resources import files

import pytest
from tests.attacks.play import AS_WEB, STEFAPP, asking, every_page
from tests.live import Live

MODES = ("web_message", "webmessage", "web_message.jwt", "fragment", "fragment.jwt", "query web")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("base", [STEFAPP, AS_WEB], ids=["public", "confidential"])
def test_the_response_mode_is_refused(mode: str, base: object, server: Live) -> None:
    asked = asking(AS_WEB if base is AS_WEB else STEFAPP, response_mode=mode)
    answer = server.http.get(asked.path())
    told = answer.headers.get("location", "") + answer.text
    assert "code=" not in answer.headers.get("location", "")
    assert "invalid_request" in told
    pushed = server.http.post("/par", data=asked.parameters())
    if base is STEFAPP:
        assert (pushed.status_code, pushed.json()["error"]) == (400, "invalid_request")


def test_discovery_offers_none(server: Live) -> None:
    modes = server.http.get("/.well-known/openid-configuration").json()["response_modes_supported"]
    assert not [mode for mode in modes if "message" in mode or "fragment" in mode]


def test_no_page_and_no_script_of_ours_posts_to_just_anybody(server: Live) -> None:
    """Every script is a file; only the one for session management has the call at all, and names
    whom it answers."""
    scripts = {
        one.name: one.read_text("utf-8")
        for one in (files("valetkey.server.pages") / "static").iterdir()
        if one.name.endswith(".js")
    }
    assert scripts
    calls = {name: re.findall(r"postMessage\(([^)]*)\)", text) for name, text in scripts.items()}
    assert {name: found for name, found in calls.items() if found} == {
        "check-session.js": ["said, event.origin"]
    }
    for name, page in every_page(server).items():
        assert "postMessage" not in page.text, name
        assert "<script>" not in page.text, name
