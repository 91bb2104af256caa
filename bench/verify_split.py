"""Split access tokens for `bench.verify`: the server's side of them, in memory."""

from os import urandom
from typing import Final
from urllib.parse import parse_qs

import msgspec

from valetkey.jose import jwk
from valetkey.wire import split_token
from valetkey.wire.access_token import AccessToken

SEALED: Final = 360
"""Bytes that the server seals for a token such as the bench's."""


class HalvesEndpoint:
    """The API's halves, by the app's."""

    def __init__(self, key: jwk.PrivateKey) -> None:
        self._key = key
        self._halves: dict[str, str] = {}

    def split(self, token: AccessToken) -> str:
        """The app's half of a token."""
        text = split_token.write(urandom(SEALED), exp=token.exp, key=self._key)
        self._halves[text] = split_token.of_api(token, text, key=self._key)
        return text

    def answer(self, form: bytes) -> bytes:
        """What an API is answered."""
        half = self._halves[parse_qs(form.decode())["token"][0]]
        return msgspec.json.encode(split_token.ApiHalfAnswer(active=True, access_token_half=half))
