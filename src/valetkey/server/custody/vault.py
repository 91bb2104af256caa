"""Vault and OpenBao wrap and unwrap the master key: their secrets engine `transit`, over HTTP.

https://developer.hashicorp.com/vault/api-docs/secret/transit. The key never leaves the engine. The
plain text and the ciphertext are base64; a ciphertext begins with `vault:v` and the key's version.
"""

import binascii
import ssl
from base64 import b64decode, b64encode
from typing import Final
from urllib.parse import quote

import httpx2
import msgspec

from valetkey.server.custody.key_service import (
    TIMEOUT,
    KeyServiceError,
    KeyServiceTerms,
    printable,
)

LARGEST: Final = 65_536
"""Bytes of an answer that are read."""


class _Data(msgspec.Struct, frozen=True):
    plaintext: str = ""
    ciphertext: str = ""

    def __repr__(self) -> str:
        return "_Data(…)"


class _Answer(msgspec.Struct, frozen=True):
    data: _Data = _Data()
    errors: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "_Answer(…)"


class Vault:
    """A key of a transit engine."""

    def __init__(self, terms: KeyServiceTerms) -> None:
        """Raises KeyServiceError for a CA file that can't be read."""
        self._terms = terms
        self._name = f"Vault at {terms.url}, key {terms.mount}/{terms.key},"
        try:
            self._trust = ssl.create_default_context(cafile=terms.ca_file)
        except (OSError, ValueError) as error:
            raise KeyServiceError(f"{self._name} needs another key_service.ca_file") from error

    def wrap(self, plain: bytes) -> str:
        """Encrypt. Raises KeyServiceError."""
        text = self._post("encrypt", {"plaintext": b64encode(plain).decode()}).ciphertext
        if not text.startswith("vault:v") or len(text.split()) != 1:
            raise self._failed("answers without a ciphertext: is it Vault?")
        return text

    def unwrap(self, wrapped: str) -> bytes:
        """Decrypt. Raises KeyServiceError."""
        text = self._post("decrypt", {"ciphertext": wrapped}).plaintext
        try:
            return b64decode(text, validate=True)
        except binascii.Error:
            # The cause would carry the text.
            raise self._failed("answers without a plain text in base64: is it Vault?") from None

    def _post(self, action: str, body: dict[str, str]) -> _Data:
        path = f"{quote(self._terms.mount)}/{action}/{quote(self._terms.key, safe='')}"
        try:
            # Neither a proxy of the environment nor a redirect leads the token elsewhere.
            with (
                httpx2.Client(verify=self._trust, timeout=TIMEOUT, trust_env=False) as client,
                client.stream(
                    "POST",
                    f"{self._terms.url.rstrip('/')}/v1/{path}",
                    content=msgspec.json.encode(body),
                    headers=self._headers(),
                ) as reply,
            ):
                status, raw = reply.status_code, b""
                for part in reply.iter_bytes(4096):
                    raw += part
                    if len(raw) > LARGEST:
                        raise self._failed("answers with too much: is it Vault?")
        except httpx2.HTTPError as error:
            raise self._failed(f"cannot be reached: {_reason(error)}") from error
        try:
            answer = msgspec.json.decode(raw, type=_Answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            answer = _Answer()
        if status != 200:
            raise self._failed(_with_fix(status, answer, path=path))
        return answer.data

    def _headers(self) -> dict[str, str]:
        # An agent may demand the first one, which no browser sends without asking.
        headers = {"X-Vault-Request": "true", "Content-Type": "application/json"}
        if self._terms.namespace:
            headers["X-Vault-Namespace"] = self._terms.namespace
        token = "" if self._terms.token is None else self._terms.token.reveal()
        if not token and (file := self._terms.token_file) is not None:
            try:
                token = file.read_text("ascii").strip()
            except (OSError, ValueError) as error:
                why = error.strerror if isinstance(error, OSError) else "is not text"
                raise self._failed(f"needs a token, and {file} cannot be read: {why}") from None
        if token and (not token.isascii() or len(token.split()) != 1 or not token.isprintable()):
            raise self._failed("needs a token, and what is set is none")
        # An agent on this machine may add a token of its own.
        return headers | ({"X-Vault-Token": token} if token else {})

    def _failed(self, what: str) -> KeyServiceError:
        return KeyServiceError(f"{self._name} {what}")


def _reason(error: httpx2.HTTPError) -> str:
    return printable(str(error)) or type(error).__name__


def _with_fix(status: int, answer: _Answer, *, path: str) -> str:
    """What went wrong, and how to fix it. What each status means:
    https://developer.hashicorp.com/vault/api-docs#http-status-codes"""
    said = printable("; ".join(answer.errors))
    because = f"({status}: {said})" if said else f"({status})"
    if 300 <= status < 400:
        return f"redirects {because}: name the active server in key_service.url"
    match status:
        case 400:
            return (
                f"refuses {because}: check key_service.key and its type, or bring the right file "
                "back"
            )
        case 403:
            return f'refuses {because}: renew the token, and let it "update" {path}'
        case 404:
            return f"has nothing at {path} {because}: check key_service.url, mount and namespace"
        case 503:
            return f"is sealed or not ready {because}: unseal it"
        case _:
            return f"cannot answer now {because}: try again"
