"""Miko without a screen: forms, cookies and redirects over plain HTTP, as a browser has them."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit

import httpx2

from valetkey.demo.miko.html import Element, Lost, parse
from valetkey.demo.narrator import Exchange

MOST_REDIRECTS: Final = 10
TIMEOUT: Final = 20.0


class HttpBody:
    """A browser without a screen and without script."""

    name = "a small client over plain HTTP"

    def __init__(self) -> None:
        self._http = httpx2.Client(
            headers={"user-agent": "Miko (Linux)", "accept": "text/html"},
            timeout=TIMEOUT,
            trust_env=False,
            # It is this machine, by a certificate of the demo.
            verify=False,
        )
        self._filled: dict[str, str] = {}
        self._ticked: dict[str, bool] = {}
        self.url = ""
        self.page = Element("")
        self.exchanges: list[Exchange] = []

    @property
    def cookies(self) -> Sequence[str]:
        return [cookie.value or "" for cookie in self._http.cookies.jar]

    def open(self, url: str) -> None:
        self._go(httpx2.Request("GET", url))

    def fill(self, field: str, text: str) -> None:
        element = self._need(field)
        self._filled[element.attributes["name"]] = text

    def tick(self, value: str, *, on: bool) -> None:
        if not any(box.attributes.get("value") == value for box in _boxes(self.page)):
            raise Lost(f"there is no box {value!r} to tick on {self.url}")
        self._ticked[value] = on

    def press(self, button: str) -> None:
        element, form = self._need(button), self.page.form_of(button)
        if element.tag == "a":
            self.open(urljoin(self.url, element.attributes["href"]))
            return
        if form is None or "disabled" in element.attributes:
            raise Lost(f"{button!r} on {self.url} cannot be pressed")
        fields = self._fields(form, element)
        action = urljoin(self.url, form.attributes.get("action", ""))
        content = urlencode(fields).encode()
        parts = urlsplit(self.url)
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "origin": f"{parts.scheme}://{parts.netloc}",
        }
        self._go(httpx2.Request("POST", action, content=content, headers=headers))

    def close(self) -> None:
        self._http.close()

    def _need(self, name: str) -> Element:
        element = self.page.by_id(name)
        if element is None:
            raise Lost(f"there is no {name!r} on {self.url}")
        return element

    def _fields(self, form: Element, button: Element) -> list[tuple[str, str]]:
        """What a browser would send: hidden and filled fields, ticked boxes, the button."""
        fields: list[tuple[str, str]] = []
        for one in form.all():
            name, value = one.attributes.get("name", ""), one.attributes.get("value", "")
            if not name or "disabled" in one.attributes:
                continue
            if one.attributes.get("type") == "checkbox":
                if self._ticked.get(value, "checked" in one.attributes):
                    fields.append((name, value))
            elif one.tag in {"input", "textarea"}:
                shown = value if one.tag == "input" else one.text
                fields.append((name, self._filled.get(name, shown)))
            elif one is button:
                fields.append((name, value))
        return fields

    def _go(self, request: httpx2.Request) -> None:
        self._filled, self._ticked = {}, {}
        for _ in range(MOST_REDIRECTS):
            response = self._send(request)
            if not response.has_redirect_location:
                self.url, self.page = str(response.url), parse(response.text)
                return
            request = httpx2.Request("GET", urljoin(str(request.url), response.headers["location"]))
        raise Lost(f"{request.url} sends from one page to the next without end")

    def _send(self, request: httpx2.Request) -> httpx2.Response:
        prepared = self._http.build_request(
            request.method, request.url, content=request.content, headers=request.headers
        )
        response = self._http.send(prepared)
        self.exchanges.append(
            Exchange(
                method=prepared.method,
                url=str(prepared.url),
                request_headers=dict(prepared.headers),
                request_body=prepared.content,
                status=response.status_code,
                headers=dict(response.headers),
            )
        )
        return response


def _boxes(page: Element) -> list[Element]:
    return [one for one in page.all("input") if one.attributes.get("type") == "checkbox"]
