"""Sector documents (OpenID Connect Registration 5)."""

import pytest
from msgspec.structs import replace
from tests.installation import CLIENTS
from tests.rows import row

from valetkey.server.model.query import Document, Results, Unreachable
from valetkey.server.oauth.clients.registration import check_sector_document
from valetkey.spec.errors import InvalidClientMetadata

URL = "https://group.example/sector.json"
WEB = replace(next(client for client in CLIENTS if client.id == "web"), sector_identifier_uri=URL)


def run(document: Document | Unreachable) -> None:
    rule = check_sector_document(WEB)
    (wanted,) = next(rule)
    with pytest.raises(StopIteration):
        rule.send(Results({}, {wanted: document}))  # type: ignore[dict-item]


def test_a_client_without_a_sector_is_asked_for_nothing() -> None:
    with pytest.raises(StopIteration):
        next(check_sector_document(replace(WEB, sector_identifier_uri="")))


def test_a_document_that_names_them_all() -> None:
    run(
        Document(
            b'["https://more.example/","https://web.example/callback",'
            b'"https://web.example/other?x=1"]',
            0,
        )
    )


BAD = [
    row("5", "nobody there", Unreachable("nobody there")),
    row("5", "one is missing", Document(b'["https://web.example/callback"]', 0)),
    row("5", "nothing", Document(b"[]", 0)),
    row("5", "an object", Document(b'{"redirect_uris":["https://web.example/callback"]}', 0)),
    row("5", "a prefix", Document(b'["https://web.example/"]', 0)),
    row("5", "other things", Document(b'[1,null,["https://web.example/callback"]]', 0)),
]


@pytest.mark.parametrize("document", BAD)
def test_a_document_that_does_not_is_refused(document: Document | Unreachable) -> None:
    with pytest.raises(InvalidClientMetadata):
        run(document)
