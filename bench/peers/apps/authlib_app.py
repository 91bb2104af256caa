"""An Authlib server on Flask, as its documentation builds one; its tables are dictionaries. It runs
in the bench's own environment (`requirements/bench.txt`), under gunicorn."""

import os
import time
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask, jsonify, request
from joserfc.jwk import ECKey

SECRET = "a-secret-of-the-bench-and-of-nobody-else"
ISSUER = os.environ["BENCH_ISSUER"]
KEY = ECKey.generate_key("P-256", {"alg": "ES256", "use": "sig", "kid": "ec"})


class Client(ClientMixin):
    def __init__(self, name: str) -> None:
        self.name = name

    def get_client_id(self) -> str:
        return self.name

    def get_default_redirect_uri(self) -> str:
        return ""

    def get_allowed_scope(self, scope: str) -> str:
        return scope or "chirps"

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return False

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return False

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in {"client_credentials", "refresh_token"}


class User:
    def get_user_id(self) -> str:
        return "somebody"


class Token(TokenMixin):
    def __init__(self, client: str, token: dict[str, Any]) -> None:
        self.client, self.token = client, token
        self.at, self.revoked = time.time(), False

    def check_client(self, client: ClientMixin) -> bool:
        return bool(client.get_client_id() == self.client)

    def get_scope(self) -> str:
        return str(self.token.get("scope", ""))

    def get_expires_in(self) -> int:
        return int(self.token["expires_in"])

    def is_expired(self) -> bool:
        return time.time() > self.at + self.get_expires_in()

    def is_revoked(self) -> bool:
        return self.revoked

    def get_user(self) -> User:
        return User()

    def get_client(self) -> Client:
        return CLIENTS[self.client]


CLIENTS = {name: Client(name) for name in ("machine", "web")}
ACCESS: dict[str, Token] = {}
REFRESH: dict[str, Token] = {}


class RefreshTokenGrant(grants.RefreshTokenGrant):
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        found = REFRESH.get(refresh_token)
        return found if found is not None and not found.revoked else None

    def authenticate_user(self, refresh_token: Token) -> User:
        return User()

    def revoke_old_credential(self, refresh_token: Token) -> None:
        refresh_token.revoked = True


class Introspection(IntrospectionEndpoint):
    def query_token(self, token_string: str, token_type_hint: str) -> Token | None:
        return ACCESS.get(token_string) or REFRESH.get(token_string)

    def introspect_token(self, token: Token) -> dict[str, Any]:
        return {
            "active": not token.is_expired() and not token.revoked,
            "client_id": token.client,
            "scope": token.get_scope(),
            "sub": "somebody",
            "iss": ISSUER,
            "exp": int(token.at) + token.get_expires_in(),
        }

    def check_permission(self, token: Token, client: Client, request: Any) -> bool:
        return True


class Generator(JWTBearerTokenGenerator):
    def get_jwks(self) -> ECKey:
        return KEY


def save(token: dict[str, Any], request: Any) -> None:
    stored = Token(request.client.get_client_id(), token)
    ACCESS[token["access_token"]] = stored
    if "refresh_token" in token:
        REFRESH[token["refresh_token"]] = stored


app = Flask(__name__)
server = AuthorizationServer(app, query_client=CLIENTS.get, save_token=save)
server.register_grant(grants.ClientCredentialsGrant)
server.register_grant(RefreshTokenGrant)
server.register_endpoint(Introspection)
server.register_token_generator(
    "default",
    Generator(
        issuer=ISSUER,
        alg="ES256",
        refresh_token_generator=lambda **_: os.urandom(24).hex(),
    ),
)


@app.post("/token")
def token() -> Any:
    return server.create_token_response()


@app.post("/introspect")
def introspect() -> Any:
    return server.create_endpoint_response(Introspection.ENDPOINT_NAME)


@app.get("/jwks")
def jwks() -> Any:
    return jsonify(keys=[KEY.as_dict(private=False)])


@app.get("/drawn/<kind>")
def fresh_values(kind: str) -> str:
    """Tokens for the load."""
    codes = []
    for _ in range(int(request.args["count"])):
        value = os.urandom(24).hex()
        stored = Token("web", {"expires_in": 3600, "scope": "chirps"})
        (REFRESH if kind == "refresh" else ACCESS)[value] = stored
        codes.append(value)
    return "\n".join(codes)
