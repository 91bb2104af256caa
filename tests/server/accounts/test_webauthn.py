"""The check of what an authenticator signed: each thing that may be wrong with it."""

import json
import os
import time

import pytest
from tests.authenticator import AT, BE, BS, HONEST, UP, UV, Authenticator, Lies, cbor
from tests.rows import row

from valetkey.jose import base64url
from valetkey.server.accounts.relying_party import RelyingParty, why_not_possible
from valetkey.server.accounts.webauthn import (
    MAX_RESPONSE,
    Member,
    NewPasskey,
    WrongResponse,
    creation_options,
    read_response,
    request_options,
    verify_assertion,
    verify_registration,
)

ORIGIN = "https://id.chirp.example"
PARTY = RelyingParty(rp_id="chirp.example", name="Chirp", origins=(ORIGIN,))
MIKO = Member(handle=b"h" * 32, username="miko", display_name="Miko")
CHALLENGE = os.urandom(32)
CREATE = creation_options(PARTY, MIKO, CHALLENGE, existing=(), seconds=300)
GET = request_options(PARTY, CHALLENGE, seconds=300)
OTHER = base64url.encode(os.urandom(32))


def made(phone: Authenticator, lies: Lies = HONEST) -> NewPasskey:
    return verify_registration(read_response(phone.create(CREATE, lies)), CHALLENGE, PARTY)


def test_a_passkey_is_made_and_used() -> None:
    phone = Authenticator(ORIGIN)
    passkey = made(phone)
    assert passkey.credential_id == base64url.encode(phone.credential_id)
    assert (passkey.is_user_verified, passkey.backup_eligible, passkey.backed_up) == (True,) * 3
    assert passkey.transports == ("internal",)
    phone.count, phone.flags = 7, UP
    response = read_response(phone.get(GET))
    assert response.user_handle == MIKO.handle
    phone.flags = UP | BE
    used = verify_assertion(
        read_response(phone.get(GET)), CHALLENGE, credential=passkey.credential, party=PARTY
    )
    assert (used.sign_count, used.is_user_verified, used.backup_eligible) == (7, False, True)


EITHER = [
    row("7.1.7", "another kind of ceremony", Lies(type="payment.get")),
    row("7.1.8", "another challenge", Lies(challenge=OTHER)),
    row("7.1.8", "a challenge that is no base64url", Lies(challenge="?")),
    row("7.1.9", "another site's page", Lies(origin="https://evil.example")),
    row("7.1.9", "a page of a sibling", Lies(origin="https://blog.chirp.example")),
    row("7.1.9", "the same host without TLS", Lies(origin="http://id.chirp.example")),
    row("7.1.9", "the same host at another port", Lies(origin=f"{ORIGIN}:8443")),
    row("7.1.10", "a frame in another site's page", Lies(cross_origin=True)),
    row("7.1.13", "another domain", Lies(rp_id="evil.example")),
    row("7.1.13", "the host in place of the domain", Lies(rp_id="id.chirp.example")),
    row("7.1.14", "nobody was there", Lies(flags=UV | BE)),
    row("7.1.17", "backed up, and cannot be", Lies(flags=UP | BS)),
    row("5.1", "another credential's id", Lies(credential_id=b"another")),
    row("5.1", "no client data", Lies(drop=("clientDataJSON",))),
]


@pytest.mark.parametrize(
    "lies",
    [
        *EITHER,
        row("5.1", "no attestation", Lies(drop=("attestationObject",))),
        row("7.1.20", "an algorithm that was not offered", Lies(key={1: 2, 3: -47, -1: 8})),
        row("7.1.20", "a key without its parts", Lies(key={1: 2, 3: -7})),
        row(
            "7.1.20",
            "a point that is not on the curve",
            Lies(key={1: 2, 3: -7, -1: 1, -2: b"x" * 32, -3: b"y" * 32}),
        ),
        row(
            "7.1.20", "a short RSA key", Lies(key={1: 3, 3: -257, -1: b"\xff" * 128, -2: b"\1\0\1"})
        ),
        row(
            "7.1.20",
            "an RSA key that takes long",
            Lies(key={1: 3, 3: -257, -1: b"\xff" * 4096, -2: b"\1\0\1"}),
        ),
        row(
            "7.1.20",
            "an RSA exponent that takes long",
            Lies(key={1: 3, 3: -257, -1: b"\xff" * 256, -2: b"\1" * 256}),
        ),
    ],
)
def test_a_registration_is_refused(lies: Lies) -> None:
    with pytest.raises(WrongResponse):
        made(Authenticator(ORIGIN), lies)


@pytest.mark.parametrize(
    "lies",
    [
        *EITHER,
        row("7.2.21", "another signature", Lies(signature=b"0" * 70)),
        row("5.1", "no signature", Lies(drop=("signature",))),
        row("5.1", "no authenticator data", Lies(drop=("authenticatorData",))),
        row("7.2.7", "a registration", Lies(type="webauthn.create")),
    ],
)
def test_a_sign_in_is_refused(lies: Lies) -> None:
    phone = Authenticator(ORIGIN)
    passkey = made(phone)
    with pytest.raises(WrongResponse):
        verify_assertion(
            read_response(phone.get(GET, lies)),
            CHALLENGE,
            credential=passkey.credential,
            party=PARTY,
        )


def test_a_sign_in_with_another_ones_key_is_refused() -> None:
    phone, thief = Authenticator(ORIGIN), Authenticator(ORIGIN)
    passkey, _ = made(phone), made(thief)
    thief.credential_id = phone.credential_id
    with pytest.raises(WrongResponse):
        verify_assertion(
            read_response(thief.get(GET)), CHALLENGE, credential=passkey.credential, party=PARTY
        )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "\0",
        "9" * 500,
        "[" * 10_000,
        '{"id":"YQ","rawId":"YQ","type":"public-key","response":{}}',
        '{"id":"YQ","rawId":"YQ","type":"password","response":{"clientDataJSON":"YQ"}}',
        '{"id":"YQ","rawId":"Yg","type":"public-key","response":{"clientDataJSON":"YQ"}}',
        '{"id":"","rawId":"","type":"public-key","response":{"clientDataJSON":"YQ"}}',
        json.dumps(
            {
                "id": "A" * 1368,
                "rawId": "A" * 1368,
                "type": "public-key",
                "response": {"clientDataJSON": "YQ"},
            }
        ),
        json.dumps(
            {
                "id": "YQ",
                "rawId": "YQ",
                "type": "public-key",
                "response": {"clientDataJSON": "A" * 5000},
            }
        ),
        json.dumps(
            {
                "id": "YQ",
                "rawId": "YQ",
                "type": "public-key",
                "response": {"clientDataJSON": "YQ", "userHandle": "A" * 100},
            }
        ),
        " " * MAX_RESPONSE + "{}",
    ],
)
def test_what_is_no_response_is_refused(text: str) -> None:
    with pytest.raises(WrongResponse):
        read_response(text)


def _garbled(attestation: bytes) -> str:
    phone = Authenticator(ORIGIN)
    told = json.loads(phone.create(CREATE))
    told["response"]["attestationObject"] = base64url.encode(attestation)
    return json.dumps(told)


@pytest.mark.parametrize(
    "attestation",
    [
        pytest.param(b"\x81" * 6000, id="nested deeply"),
        pytest.param(b"\x9b" + b"\xff" * 8, id="an array without end"),
        pytest.param(b"\xbb" + b"\xff" * 8 + b"\0" * 5000, id="a map without end"),
        pytest.param(b"\x99\x17\x60" + b"\0" * 6000, id="many values"),
        pytest.param(b"\xa1\x80\0", id="a list as a key"),
        pytest.param(b"\xfb", id="a number that is cut off"),
        pytest.param(b"\xc0\0", id="a tag"),
        pytest.param(b"\x63\xff\xff\xff", id="no UTF-8"),
        pytest.param(b"", id="nothing"),
        pytest.param(cbor({"fmt": "none", "attStmt": {}, "authData": b""}), id="no data"),
        pytest.param(cbor({"fmt": "none", "attStmt": {}, "authData": 7}), id="a number as data"),
        pytest.param(
            cbor(
                {"fmt": "none", "attStmt": {}, "authData": bytes(32) + bytes([UP | AT]) + bytes(4)}
            ),
            id="no credential",
        ),
    ],
)
def test_broken_bytes_are_refused_at_once(attestation: bytes) -> None:
    began = time.process_time()
    with pytest.raises(WrongResponse):
        verify_registration(read_response(_garbled(attestation)), CHALLENGE, PARTY)
    assert time.process_time() - began < 0.5


def test_every_cut_and_flipped_byte_is_refused() -> None:
    phone = Authenticator(ORIGIN)
    passkey = made(phone)
    told = json.loads(phone.get(GET))
    data = base64url.decode(told["response"]["authenticatorData"])
    for at in range(len(data)):
        flipped = data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
        for wrong in (data[:at], flipped):
            told["response"]["authenticatorData"] = base64url.encode(wrong)
            response = read_response(json.dumps(told))
            with pytest.raises(WrongResponse):
                verify_assertion(response, CHALLENGE, credential=passkey.credential, party=PARTY)


@pytest.mark.parametrize(
    "issuer, possible",
    [
        ("https://id.chirp.example", True),
        ("https://chirp.example/oauth", True),
        ("http://localhost:8000", True),
        ("http://chirp.localhost:8000", True),
        ("https://127.0.0.1", False),
        ("https://[::1]", False),
        ("http://127.0.0.1:8000", False),
        ("http://chirp.test", False),
    ],
)
def test_where_browsers_have_passkeys(issuer: str, possible: bool) -> None:
    assert (why_not_possible(issuer) == "") is possible
