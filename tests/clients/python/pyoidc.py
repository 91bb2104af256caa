# mypy: disable-error-code="no-untyped-call"
"""A web app that signs people in with pyoidc, as its documentation's code flow has it."""

import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from oic import rndstr
from oic.oic import Client
from oic.oic.message import AuthorizationResponse, RegistrationResponse
from oic.utils.authn.client import CLIENT_AUTHN_METHOD

PORT = int(os.environ["PORT"])
CALLBACK = f"http://127.0.0.1:{PORT}/callback"

client = Client(client_authn_method=CLIENT_AUTHN_METHOD)
client.provider_config(os.environ["ISSUER"])
client.store_registration_info(
    RegistrationResponse(
        client_id=os.environ["CLIENT_ID"], client_secret=os.environ["CLIENT_SECRET"]
    )
)
client.redirect_uris = [CALLBACK]
session = {"state": rndstr(), "nonce": rndstr()}


def address() -> str:
    """Where the browser goes."""
    request = client.construct_AuthorizationRequest(
        request_args={
            "client_id": client.client_id,
            "response_type": "code",
            "scope": ["openid", "profile", "email"],
            "redirect_uri": CALLBACK,
            **session,
        }
    )
    url: str = request.request(client.authorization_endpoint)
    return url


def signed_in(query: str) -> dict[str, Any]:
    """The user's claims, for the query with which the browser came back."""
    answer = client.parse_response(AuthorizationResponse, info=query, sformat="urlencoded")
    if answer["state"] != session["state"]:
        raise ValueError("another state")
    tokens = client.do_access_token_request(
        state=answer["state"],
        request_args={"code": answer["code"]},
        authn_method="client_secret_basic",
    )
    if tokens["id_token"]["nonce"] != session["nonce"]:
        raise ValueError("another nonce")
    claims: dict[str, Any] = client.do_user_info_request(
        state=answer["state"], behavior="use_authorization_header"
    ).to_dict()
    return claims | {"id_token_sub": tokens["id_token"]["sub"]}


class Pages(BaseHTTPRequestHandler):
    """Two pages: one sends the browser away, one takes it back."""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/callback":
            body = json.dumps(signed_in(query)).encode()
            self.send_response(200)
        else:
            body = b""
            self.send_response(302)
            self.send_header("location", address())
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("127.0.0.1", PORT), Pages).serve_forever()
