"""Authentication for requests: `requests.Session().auth = KeyAuth(key)`."""

from collections.abc import Callable
from typing import Any

import requests
from requests.auth import AuthBase

from valetkey.client.auth import Outgoing, send_with_key
from valetkey.client.delegation import DelegatedKey
from valetkey.client.drivers import lowered
from valetkey.client.key import Key
from valetkey.client.machine import Machine
from valetkey.client.steps import Answer, ApiCall, End, Send


class KeyAuth(AuthBase):
    """Adds the token to calls, and renews it. Safe to share among threads."""

    def __init__(self, key: Key | Machine | DelegatedKey) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        legs = send_with_key(self._key.flows, _outgoing(request))
        leg = self._key.driver.advance(legs)
        if isinstance(leg, Send):
            request.headers.update(leg.headers)
            request.register_hook("response", self._hook(legs))
        return request

    def _hook(self, legs: ApiCall) -> Callable[..., requests.Response]:
        def go_on(response: requests.Response, **options: Any) -> requests.Response:
            """Sends the call again, as often as there is a new token or proof."""
            while isinstance(leg := self._next(legs, response), Send):
                # The connection is free only when this answer is read.
                response.content  # noqa: B018
                response.close()
                again = response.request.copy()
                again.headers.update(leg.headers)
                _rewind(again)
                before, response = response, response.connection.send(again, **options)
                response.history = [*before.history, before]
                response.request = again
            return response

        return go_on

    def _next(self, legs: ApiCall, response: requests.Response) -> Send | End:
        try:
            return self._key.driver.advance(legs, _answer(response))
        except BaseException:
            response.close()
            raise


def _outgoing(request: requests.PreparedRequest) -> Outgoing:
    return Outgoing(
        method=request.method or "", url=request.url or "", repeatable=_is_repeatable(request.body)
    )


def _is_repeatable(body: object) -> bool:
    return body is None or isinstance(body, bytes | str) or hasattr(body, "seek")


def _rewind(request: requests.PreparedRequest) -> None:
    if hasattr(request.body, "seek"):
        requests.utils.rewind_body(request)


def _answer(response: requests.Response) -> Answer:
    return Answer(response.status_code, lowered(response.headers))
