"""Password hashes as other systems write them, translated to the stored forms of
`accounts.password_forms`. A hash that is not accepted raises ValueError, which never contains it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from valetkey.server.accounts.password_forms import decode, encode, why_not_imported


def accepted(stored: str) -> str:
    """The stored form, if its costs are within limits. Raises ValueError."""
    if why := why_not_imported(stored):
        raise ValueError(why)
    return stored


def from_string(text: str) -> str:
    """The stored form of a hash that Django, passlib, Werkzeug or another system wrote. Raises
    ValueError."""
    for pattern, translate in _STRINGS:
        if (match := pattern.fullmatch(text)) is not None:
            return accepted(translate(match))
    return accepted(text)


def _number(text: str) -> int:
    if len(text) > 9:
        raise ValueError("is too costly: a number has more than 9 digits")
    return int(text)


def _log2(number: int) -> int:
    if number < 2 or number & (number - 1):
        raise ValueError("has an N that is no power of 2")
    return number.bit_length() - 1


def _base64(text: str) -> str:
    """Base64 of any spelling as the stored forms write it: passlib writes . for +, others - and _
    for + and /."""
    try:
        return encode(decode(text.translate(_TO_STANDARD)))
    except ValueError:
        raise ValueError("has a salt or hash that is not base64") from None


_TO_STANDARD: Final = str.maketrans("._-", "+/+")


def _pbkdf2(digest: str, iterations: str, *, salt: str, tag: str) -> str:
    return f"$pbkdf2-{digest}$i={_number(iterations)}${salt}${tag}"


def _scrypt(n: str, r: str, p: str, *, salt: str, tag: str) -> str:
    numbers = f"ln={_log2(_number(n))},r={_number(r)},p={_number(p)}"
    return f"$scrypt${numbers}${salt}${tag}"


def _text(salt: str) -> str:
    return encode(salt.encode())


_B64: Final = r"([A-Za-z0-9+/._-]{1,200}={0,2})"

_STRINGS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]] = (
    # Django
    (re.compile(r"argon2(\$argon2\S+)"), lambda match: match[1]),
    (re.compile(r"bcrypt\$(\$2\S+)"), lambda match: match[1]),
    (re.compile(r"bcrypt_sha256\$(\$2\S+)"), lambda match: f"$bcrypt-sha256{match[1]}"),
    (
        re.compile(rf"pbkdf2_(sha1|sha256)\$([0-9]+)\$([^$]{{1,200}})\${_B64}"),
        lambda match: _pbkdf2(match[1], match[2], salt=_text(match[3]), tag=_base64(match[4])),
    ),
    (
        re.compile(rf"scrypt\$([0-9]+)\$([^$]{{1,200}})\$([0-9]+)\$([0-9]+)\${_B64}"),
        lambda match: _scrypt(
            match[1], match[3], match[4], salt=_text(match[2]), tag=_base64(match[5])
        ),
    ),
    # Werkzeug
    (
        re.compile(r"pbkdf2:(sha1|sha256|sha512):([0-9]+)\$([^$]{1,200})\$((?:[0-9a-f]{2}){1,64})"),
        lambda match: _pbkdf2(
            match[1], match[2], salt=_text(match[3]), tag=encode(bytes.fromhex(match[4]))
        ),
    ),
    (
        re.compile(r"scrypt:([0-9]+):([0-9]+):([0-9]+)\$([^$]{1,200})\$((?:[0-9a-f]{2}){1,64})"),
        lambda match: _scrypt(
            match[1],
            match[2],
            match[3],
            salt=_text(match[4]),
            tag=encode(bytes.fromhex(match[5])),
        ),
    ),
    # passlib, and PHC strings with `l=`
    (
        re.compile(
            rf"\$pbkdf2(-sha1|-sha256|-sha512|)\$(?:i=)?([0-9]+)(?:,l=[0-9]+)?\${_B64}\${_B64}"
        ),
        lambda match: _pbkdf2(
            match[1][1:] or "sha1", match[2], salt=_base64(match[3]), tag=_base64(match[4])
        ),
    ),
)


class _KeycloakSecret(msgspec.Struct):
    value: str
    salt: str = ""


class _KeycloakParameters(msgspec.Struct, rename="camel"):
    hash_iterations: int
    algorithm: str
    additional_parameters: dict[str, list[str]] = {}


def from_keycloak(credential: Mapping[str, Any]) -> str:
    """The stored form of a credential of the type `password` in an export of Keycloak: with
    `secretData` and `credentialData`, or as versions before 8 wrote it. Raises ValueError."""
    try:
        if "secretData" in credential:
            secret = msgspec.json.decode(credential["secretData"], type=_KeycloakSecret)
            parameters = msgspec.json.decode(credential["credentialData"], type=_KeycloakParameters)
        else:
            secret = _KeycloakSecret(credential["hashedSaltedValue"], credential.get("salt", ""))
            parameters = msgspec.convert(credential, _KeycloakParameters)
        salt, tag = _base64(secret.salt), _base64(secret.value)
    except (KeyError, TypeError, AttributeError, msgspec.DecodeError):
        raise ValueError("lacks a value, a salt or an algorithm") from None
    if parameters.algorithm == "argon2":
        return accepted(_keycloak_argon2(parameters, salt, tag=tag))
    digest = _KEYCLOAK.get(parameters.algorithm)
    if digest is None:
        raise ValueError(f"has the algorithm {parameters.algorithm[:40]!r}, which is not known")
    return accepted(_pbkdf2(digest, str(parameters.hash_iterations), salt=salt, tag=tag))


_KEYCLOAK: Final = {"pbkdf2": "sha1", "pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512"}


def _keycloak_argon2(parameters: _KeycloakParameters, salt: str, *, tag: str) -> str:
    more = {name: values[0] for name, values in parameters.additional_parameters.items() if values}
    if more.get("version", "1.3") != "1.3":
        raise ValueError("is Argon2 of a version other than 1.3")
    numbers = f"m={more.get('memory')},t={parameters.hash_iterations},p={more.get('parallelism')}"
    return f"$argon2{more.get('type')}$v=19${numbers}${salt}${tag}"


class FirebaseConfig(msgspec.Struct, frozen=True):
    """The password hash parameters of a Firebase project."""

    signer_key: bytes
    separator: bytes
    rounds: int
    mem_cost: int

    def __repr__(self) -> str:
        return "FirebaseConfig(…)"


_FIREBASE_LINE: Final = re.compile(r'"?(\w+)"?\s*[:=]\s*"?([A-Za-z0-9+/=_-]+)"?')


def read_firebase_config(text: str) -> FirebaseConfig:
    """Read the parameters as the Firebase console shows them (`hash_config { … }`), or as JSON.
    Raises ValueError."""
    values = dict(_FIREBASE_LINE.findall(text))
    missing = [name for name in _FIREBASE_NAMES if name not in values]
    if missing:
        raise ValueError(f"lacks {', '.join(missing)}")
    if values.get("algorithm", "SCRYPT") != "SCRYPT":
        raise ValueError("has an algorithm other than SCRYPT")
    return FirebaseConfig(
        decode(_base64(values["base64_signer_key"])),
        decode(_base64(values["base64_salt_separator"])),
        _number(values["rounds"]),
        _number(values["mem_cost"]),
    )


_FIREBASE_NAMES: Final = ("base64_signer_key", "base64_salt_separator", "rounds", "mem_cost")


def from_firebase(password_hash: str, salt: str, config: FirebaseConfig) -> str:
    """The stored form of a hash of Firebase. It has no use for the signer key any more: the stored
    keystream is the hash without it. Raises ValueError."""
    cipher = decode(_base64(password_hash))
    if len(cipher) != len(config.signer_key):
        raise ValueError("has another length than the signer key")
    keystream = bytes(one ^ key for one, key in zip(cipher, config.signer_key, strict=True))
    salted = encode(decode(_base64(salt)) + config.separator)
    numbers = f"ln={config.mem_cost},r={config.rounds},p=1"
    return accepted(f"$firebase-scrypt${numbers}${salted}${encode(keystream)}")
