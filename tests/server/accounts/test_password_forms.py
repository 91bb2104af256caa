"""Password hashes of other systems: each made by that system itself, or from its documents."""

import base64
import hashlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import bcrypt
import django
import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as settings_of_tests
from hypothesis import strategies as st
from tests.rows import row
from werkzeug.security import generate_password_hash

from valetkey.cli.imports.hash_strings import (
    FirebaseConfig,
    from_firebase,
    from_keycloak,
    from_string,
    read_firebase_config,
)
from valetkey.server.accounts import password, password_forms
from valetkey.server.accounts.password_forms import encode, fits, why_not_imported
from valetkey.server.model.keys import Secret

if not settings.configured:
    settings.configure()
    django.setup()
from django.contrib.auth import hashers

WORD = "пароль 🗝 correct horse"
RAW = WORD.encode()
SALT = "abcdefgh1234"


def django_hash(hasher: Any, *costs: int) -> str:
    text: str = hasher.encode(WORD, SALT, *costs)
    return text


def django_bcrypt(hasher: Any) -> str:
    text: str = hasher.encode(WORD, bcrypt.gensalt(4))
    return text


def pbkdf2(digest: str, length: int) -> bytes:
    return hashlib.pbkdf2_hmac(digest, RAW, SALT.encode(), 1000, length)


def ab64(raw: bytes) -> str:
    """Base64 as passlib writes it."""
    return base64.b64encode(raw).decode().rstrip("=").replace("+", ".")


def passlib(name: str, digest: str, length: int) -> str:
    return f"${name}$1000${ab64(SALT.encode())}${ab64(pbkdf2(digest, length))}"


def credential(algorithm: str, digest: str) -> dict[str, Any]:
    """A credential as Keycloak exports it; its hashes of SHA-256 have 64 bytes."""
    secret = {
        "value": base64.b64encode(pbkdf2(digest, 20 if digest == "sha1" else 64)).decode(),
        "salt": base64.b64encode(SALT.encode()).decode(),
        "additionalParameters": {},
    }
    data = {"hashIterations": 1000, "algorithm": algorithm, "additionalParameters": {}}
    return {
        "type": "password",
        "secretData": json.dumps(secret),
        "credentialData": json.dumps(data),
    }


def keycloak_argon2() -> dict[str, Any]:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    made = Argon2id(salt=SALT.encode(), length=32, iterations=5, lanes=1, memory_cost=7168)
    secret = {
        "value": base64.b64encode(made.derive(RAW)).decode(),
        "salt": base64.b64encode(SALT.encode()).decode(),
        "additionalParameters": {},
    }
    more = {
        "hashLength": ["32"],
        "memory": ["7168"],
        "type": ["id"],
        "version": ["1.3"],
        "parallelism": ["1"],
    }
    data = {"hashIterations": 5, "algorithm": "argon2", "additionalParameters": more}
    return {
        "type": "password",
        "secretData": json.dumps(secret),
        "credentialData": json.dumps(data),
    }


def old_credential() -> dict[str, Any]:
    """As before Keycloak 8."""
    return {
        "type": "password",
        "hashedSaltedValue": base64.b64encode(pbkdf2("sha1", 64)).decode(),
        "salt": base64.b64encode(SALT.encode()).decode(),
        "hashIterations": 1000,
        "algorithm": "pbkdf2",
    }


STORED: list[Any] = [
    row(
        "django",
        "pbkdf2_sha256",
        lambda: from_string(django_hash(hashers.PBKDF2PasswordHasher(), 1000)),
    ),
    row(
        "django",
        "pbkdf2_sha1",
        lambda: from_string(django_hash(hashers.PBKDF2SHA1PasswordHasher(), 1000)),
    ),
    row(
        "django",
        "scrypt",
        lambda: from_string(django_hash(hashers.ScryptPasswordHasher(), 1024, 8, 2)),
    ),
    row(
        "django",
        "bcrypt_sha256",
        lambda: from_string(django_bcrypt(hashers.BCryptSHA256PasswordHasher())),
    ),
    row("django", "bcrypt", lambda: from_string(django_bcrypt(hashers.BCryptPasswordHasher()))),
    row("werkzeug", "scrypt", lambda: from_string(generate_password_hash(WORD, "scrypt:1024:8:1"))),
    row(
        "werkzeug",
        "pbkdf2",
        lambda: from_string(generate_password_hash(WORD, "pbkdf2:sha256:1000")),
    ),
    row(
        "werkzeug",
        "sha512",
        lambda: from_string(generate_password_hash(WORD, "pbkdf2:sha512:1000")),
    ),
    row("passlib", "pbkdf2_sha1", lambda: from_string(passlib("pbkdf2", "sha1", 20))),
    row("passlib", "pbkdf2_sha256", lambda: from_string(passlib("pbkdf2-sha256", "sha256", 32))),
    row("passlib", "pbkdf2_sha512", lambda: from_string(passlib("pbkdf2-sha512", "sha512", 64))),
    row(
        "php",
        "bcrypt",
        lambda: from_string(bcrypt.hashpw(RAW, bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")),
    ),
    row("keycloak", "pbkdf2", lambda: from_keycloak(credential("pbkdf2", "sha1"))),
    row("keycloak", "pbkdf2-sha256", lambda: from_keycloak(credential("pbkdf2-sha256", "sha256"))),
    row("keycloak", "pbkdf2-sha512", lambda: from_keycloak(credential("pbkdf2-sha512", "sha512"))),
    row("keycloak", "argon2", lambda: from_keycloak(keycloak_argon2())),
    row("keycloak", "old", lambda: from_keycloak(old_credential())),
]


@pytest.mark.parametrize("make", STORED)
def test_the_password_fits_and_another_does_not(make: Callable[[], str]) -> None:
    stored = make()
    assert why_not_imported(stored) == ""
    assert from_string(stored) == stored, "a stored form is read as itself"
    assert password.is_imported(stored)
    assert password.fits(Secret(WORD), stored)
    for other in ("", WORD[:-1], WORD + " ", stored):
        assert not password.fits(Secret(other), stored)


# https://github.com/firebase/scrypt, README: the project's own example.
KEY = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
CONFIG = f"""
hash_config {{
  algorithm: SCRYPT,
  base64_signer_key: {KEY},
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}}
"""
FIREBASE_HASH = (
    "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
)


def firebase() -> str:
    return from_firebase(FIREBASE_HASH, "42xEC+ixf3L2lw==", read_firebase_config(CONFIG))


def test_the_example_of_firebase() -> None:
    stored = firebase()
    assert why_not_imported(stored) == ""
    assert fits(stored, b"user1password")
    assert not fits(stored, b"user1passwort")


def test_no_signer_key_is_stored_or_shown() -> None:
    config = read_firebase_config(CONFIG)
    assert encode(config.signer_key)[:20] not in firebase()
    assert repr(config) == "FirebaseConfig(…)"
    with pytest.raises(ValueError, match="another length than the signer key"):
        from_firebase("AA==", "42xEC+ixf3L2lw==", FirebaseConfig(b"key", b"", 8, 14))


def test_bcrypt_reads_72_bytes() -> None:
    """ATTACKS A70: and no error says so."""
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert fits(stored, b"x" * 72)
    assert fits(stored, b"x" * 100)
    assert not fits(stored, b"x" * 71)


def test_a_pepper_is_needed() -> None:
    stored = "$bcrypt-pepper" + bcrypt.hashpw(RAW + b"pepper", bcrypt.gensalt(4)).decode()
    assert password.fits(Secret(WORD), stored, pepper=Secret("pepper"))
    assert not password.fits(Secret(WORD), stored, pepper=Secret("paprika"))
    with pytest.raises(password_forms.ExtraMissing, match="VALETKEY_DEVISE_PEPPER"):
        password.fits(Secret(WORD + "pepper"), stored)


LONG = encode(bytes(65))
S, H = encode(bytes(8)), encode(bytes(32))
REFUSED = [
    row("A140", "argon2 memory", f"$argon2id$v=19$m=1048576,t=1,p=1${S}${H}", "too costly"),
    row("A140", "argon2 weak", f"$argon2id$v=19$m=8,t=1,p=1${S}${H}", "m=7168"),
    row("A140", "argon2 old", f"$argon2id$v=16$m=7168,t=5,p=1${S}${H}", "no password hash"),
    row("A140", "bcrypt", "$2b$13$" + "a" * 53, "its cost is above 12"),
    row("A140", "bcrypt weak", "$2b$03$" + "a" * 53, "below 4"),
    row("A140", "pbkdf2", f"$pbkdf2-sha256$i=1500001${S}${H}", "too costly"),
    row("A140", "pbkdf2 of two blocks", f"$pbkdf2-sha1$i=300000${S}${H}", "for 2 blocks"),
    row("A140", "pbkdf2 digits", f"$pbkdf2-sha256$i={'9' * 5000}${S}${H}", "more than 9 digits"),
    row("A140", "pbkdf2 weak", f"$pbkdf2-sha256$i=999${S}${H}", "less than 1000"),
    row("A140", "scrypt memory", f"$scrypt$ln=17,r=8,p=1${S}${H}", "64 MiB"),
    row("A140", "scrypt r", f"$scrypt$ln=10,r=9999,p=1${S}${H}", "64 MiB"),
    row("A140", "scrypt p", f"$scrypt$ln=14,r=8,p=6${S}${H}", "too costly"),
    row("A140", "scrypt shift", f"$scrypt$ln=99,r=8,p=1${S}${H}", "64 MiB"),
    row("A140", "scrypt, no power", "scrypt$1000$abcdefgh$8$1$" + H, "no power of 2"),
    row("A140", "short salt", f"$pbkdf2-sha256$i=1000$AAAA${H}", "salt of less than 8"),
    row("A140", "long hash", f"$pbkdf2-sha256$i=1000${S}${LONG}", "more than 64 bytes"),
    row("A140", "short hash", f"$pbkdf2-sha256$i=1000${S}$AAAA", "hash of less than 16"),
    row("A140", "no base64", f"$pbkdf2-sha256$i=1000${S}$AAAAA", "not base64"),
    row("A140", "MD5", "md5$abc$" + "0" * 32, "no password hash"),
    row("A140", "plain text", "secret", "no password hash"),
    row("A140", "a NUL", f"$pbkdf2-sha256$i=1000${S}\0${H}", "no password hash"),
    row("A140", "other digits", f"$pbkdf2-sha256$i=\u0661000${S}${H}", "no password hash"),
]  # fmt: skip


@pytest.mark.parametrize("text,why", REFUSED)
def test_what_is_refused_and_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        from_string(text)
    assert text not in str(refused.value)


COSTLIEST = [
    f"$pbkdf2-sha1$i=500000${S}${encode(bytes(20))}",
    f"$pbkdf2-sha256$i=1500000${S}${H}",
    f"$pbkdf2-sha512$i=350000${S}${H}",
    f"$scrypt$ln=14,r=8,p=5${S}${H}",
    f"$scrypt$ln=16,r=8,p=1${S}${H}",
    "$2b$12$" + "a" * 53,
]


@pytest.mark.parametrize("stored", COSTLIEST)
def test_the_costliest_check_is_shorter_than_a_refusal(stored: str) -> None:
    from valetkey.server.pages.password_check import REFUSAL

    assert why_not_imported(stored) == ""
    began = time.thread_time()
    assert not fits(stored, b"x")
    assert time.thread_time() - began < REFUSAL


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    stored = "$2b$04$" + "a" * 53
    assert why_not_imported(stored) == "needs bcrypt: install valetkey[import]"
    with pytest.raises(password_forms.ExtraMissing, match=r"valetkey\[import\]"):
        fits(stored, b"x")


@settings_of_tests(max_examples=40)
@given(st.text(max_size=200))
def test_no_text_breaks_the_reading(text: str) -> None:
    for attempt in (text, f"${text}", f"$2b$12${text}", f"$scrypt${text}", f"pbkdf2_sha256${text}"):
        assert not fits(attempt, b"x")
        try:
            from_string(attempt)
        except ValueError:
            continue
        assert why_not_imported(from_string(attempt)) == ""
