"""A38: the token differs from the consent.

Attack: An app gets a token with more permissions than the user saw.
Defense: A token contains exactly what the user approved.
"""

from tests.attacks.elsewhere import begin, enters, fetch
from tests.attacks.play import introspected, refresh, signed_in
from tests.browser import Asking
from tests.live import Live


def test_the_token_opens_what_was_ticked(server: Live) -> None:
    told, miko = begin(server, "openid offline_access chirps"), signed_in(server)
    enters(miko, told["user_code"])
    miko.press("confirm")
    miko.press("allow", boxes={"chirps.read", "offline_access"})
    tokens = fetch(server, told["device_code"]).json()
    assert set(tokens["scope"].split()) == {"openid", "offline_access", "chirps.read"}
    assert introspected(server, tokens["access_token"])["scope"] == "chirps.read"
    tv = Asking(client_id="tv")
    wider = refresh(server, tokens["refresh_token"], tv, scope="chirps.write")
    assert wider.json()["error"] == "invalid_scope"
