"""Mutual TLS (RFC 8705): a client authenticates by its certificate, and its tokens are bound to it.

The connection ends at a proxy, which forwards the certificate (RFC 9440). The code that reads it
from the request checks that the proxy is a configured one.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from cryptography import x509

from valetkey.server.model.client import Client
from valetkey.server.model.query import RecentOne, Rule
from valetkey.server.oauth.clients import keys
from valetkey.server.oauth.clients.authentication import bare_name
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import (
    Call,
    ClientAuth,
    Credentials,
    Endpoint,
    Feature,
    RequestInfo,
    Sender,
    SenderProof,
)
from valetkey.spec.errors import InvalidClient
from valetkey.spec.names import Cite
from valetkey.wire import client_certificate as certificates
from valetkey.wire.access_token import Confirmation

CITE: Final = Cite("RFC 8705", "2")

Says: TypeAlias = Callable[[x509.Certificate, str], bool]

SUBJECTS: Final[dict[str, Says]] = {
    "tls_client_auth_subject_dn": lambda of, name: certificates.same_name(
        certificates.subject(of), name
    ),
    "tls_client_auth_san_dns": lambda of, name: (
        name.lower() in {one.lower() for one in certificates.dns_names(of)}
    ),
    "tls_client_auth_san_uri": lambda of, name: name in certificates.uris(of),
    "tls_client_auth_san_ip": lambda of, name: any(
        certificates.same_ip(one, name) for one in certificates.ips(of)
    ),
    "tls_client_auth_san_email": lambda of, name: name in certificates.emails(of),
}
"""The ways to name a certificate in a registration (RFC 8705 2.1.2), each with its check."""


def subjects(client: Client) -> dict[str, str]:
    """The names of the client's certificate in its registration."""
    return {name: getattr(client, name) for name in SUBJECTS if getattr(client, name)}


def _read(call: Call) -> Credentials | None:
    credentials = bare_name(call)
    if credentials is None or not call.request.certificate:
        return None
    request = call.request
    return Credentials(
        credentials.client_id,
        certificate=request.certificate,
        certificate_trusted=request.certificate_trusted,
    )


def _by_authority(client: Client, credentials: Credentials, context: Context) -> Rule[None]:
    """Check that a trusted authority issued the certificate, and that it has the registered
    name."""
    yield from ()
    if not credentials.certificate_trusted:
        raise InvalidClient(detail=f"{client.id}: no trusted authority issued the certificate")
    certificate = certificates.loaded(credentials.certificate)
    registered = subjects(client)
    says = [SUBJECTS[name](certificate, value) for name, value in registered.items()]
    if not says or not all(says):
        raise InvalidClient(detail=f"{client.id}: the certificate has another name")


def _by_key(client: Client, credentials: Credentials, context: Context) -> Rule[None]:
    """Check that the certificate's key is registered (RFC 8705 2.2). The handshake has proved that
    the client has the key, so the signer of the certificate does not matter."""
    key = certificates.loaded(credentials.certificate).public_key()
    if not (yield from keys.is_key_of(client, key)):
        raise InvalidClient(detail=f"{client.id}: the certificate's key is not registered")


def _prove(request: RequestInfo, client: str, context: Context) -> Rule[SenderProof | None]:
    if not request.certificate:
        return None
    wanted = RecentOne(Client, client)
    found = (yield (wanted,)).one(wanted)
    if found is None or not found.tls_client_certificate_bound_access_tokens:
        return None
    return SenderProof(Confirmation(x5t_s256=certificates.thumbprint(request.certificate)))


def _metadata(context: Context) -> Mapping[str, Any]:
    members: dict[str, Any] = {"tls_client_certificate_bound_access_tokens": True}
    address = context.installation.mtls_address
    if not address:
        return members
    aliases = {
        endpoint.metadata: address + endpoint.path
        for feature in context.installation.features
        for endpoint in feature.endpoints
        if isinstance(endpoint, Endpoint) and endpoint.who != "nobody" and endpoint.metadata
    }
    return members | {"mtls_endpoint_aliases": aliases}


SENDER: Final = Sender(
    name="mtls",
    cite=Cite("RFC 8705", "3"),
    token_type="Bearer",
    binds=lambda cnf: cnf is not None and bool(cnf.x5t_s256),
    prove=_prove,
)

MTLS: Final = Feature(
    name="mutual TLS",
    on_by_default=False,
    cites=(CITE, SENDER.cite, certificates.CITE),
    client_auth=(
        ClientAuth(
            name="tls_client_auth",
            cite=Cite("RFC 8705", "2.1"),
            by_name_only=True,
            read=_read,
            prove=_by_authority,
        ),
        ClientAuth(
            name="self_signed_tls_client_auth",
            cite=Cite("RFC 8705", "2.2"),
            by_name_only=True,
            read=_read,
            prove=_by_key,
        ),
    ),
    senders=(SENDER,),
    metadata=_metadata,
)
