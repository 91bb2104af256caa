"""Draws the pictures of docs/architecture.md from the code: `python -m tests.docs.drawings`.

The layers come from the import contracts in pyproject.toml. The two requests are traced in a
running server: each row is a package, in the order in which the request enters it.
"""

import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape

from tests.browser import Asking
from tests.docs.markdown import ROOT
from tests.live import Live, live

import valetkey

PICTURES: Final = ROOT / "docs" / "pictures"
SOURCE: Final = Path(valetkey.__file__).parent
WIDTH: Final = 760
DEEP: Final = ("server/oauth",)
"""Folders whose own folders are packages of the picture."""

STYLE: Final = """
    .card { fill: #fff; stroke: #d6dfda }
    .box { fill: #eef4f1; stroke: #b9cbc2 }
    .title { fill: #0b5a42; font-weight: 600 }
    .name { fill: #14211b; font-weight: 600 }
    .soft { fill: #4c5b54 }
    .way { stroke: #0b5a42; stroke-width: 2; fill: none }
    .tip { fill: #0b5a42 }
    text { font: 14px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif }
    .code { font: 12px ui-monospace, "DejaVu Sans Mono", monospace }
    .middle { text-anchor: middle }
    .end { text-anchor: end }
    @media (prefers-color-scheme: dark) {
      .card { fill: #141c18; stroke: #2b3832 }
      .box { fill: #1d2823; stroke: #3b4c44 }
      .title { fill: #7fd8b4 }
      .name { fill: #e8efeb }
      .soft { fill: #a7b6ae }
      .way { stroke: #7fd8b4 }
      .tip { fill: #7fd8b4 }
    }
"""


class Step(NamedTuple):
    """A package that a request enters: the function by which, and how many functions run in it."""

    package: str
    entry: str
    functions: int


class Trace:
    """The functions of the source that ran, in the order of their first call."""

    def __init__(self) -> None:
        self.called: dict[tuple[str, str], None] = {}

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """A profile function, as `sys.setprofile` takes it."""
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(str(SOURCE)):
            path = Path(file).relative_to(SOURCE).with_suffix("").as_posix()
            self.called.setdefault((path, frame.f_code.co_qualname))

    def steps(self) -> list[Step]:
        """The packages, in the order in which they were entered."""
        entries: dict[str, str] = {}
        counts: dict[str, int] = {}
        for path, function in self.called:
            package = package_of(path)
            name = function.replace("<locals>.", "")
            entries.setdefault(package, f"{path.rpartition('/')[2]}.{name}")
            counts[package] = counts.get(package, 0) + 1
        return [Step(package, entry, counts[package]) for package, entry in entries.items()]

    def total(self) -> str:
        """How much ran."""
        files = {path for path, _ in self.called}
        return f"{len(self.called)} functions in {len(files)} files"


def package_of(path: str) -> str:
    """The package of a module, as the picture names it."""
    parts = path.split("/")[:-1]
    for deep in DEEP:
        if path.startswith(deep):
            return ".".join(parts[: deep.count("/") + 2])
    return ".".join(parts[:2])


def traced(server: Live, request: Callable[[], object]) -> Trace:
    """What runs on the server's loop during a request."""
    trace = Trace()

    async def profile(function: Any) -> None:
        sys.setprofile(function)

    server.run(profile(trace))
    try:
        request()
    finally:
        server.run(profile(None))
    return trace


def token_request(server: Live) -> Trace:
    """The exchange of a code for tokens, after one that warmed the server up."""
    trace = Trace()
    for _ in range(2):
        asking = Asking()
        browser = server.browser()
        browser.open(asking.path())
        browser.sign_in()
        browser.press("allow")
        form = asking.redemption(browser.answer()["code"])
        trace = traced(server, lambda form=form: server.http.post("/token", data=form))  # type: ignore[misc]
    return trace


def consent(server: Live) -> Trace:
    """The form of the consent page."""
    browser = server.browser()
    browser.open(Asking(scope="openid chirps dms.read").path())
    browser.sign_in()
    return traced(server, lambda: browser.send("allow"))


def request_picture(name: str, title: str, about: str, trace: Trace) -> None:
    """A column of packages, with the function by which each is entered."""
    steps = trace.steps()
    high, top = 46, 64
    parts = []
    for number, step in enumerate(steps):
        y = top + number * high
        if number:
            parts.append(f'<path class="way" marker-end="url(#tip)" d="M150 {y - 14}V{y - 2}"/>')
        parts += [
            f'<rect class="box" x="24" y="{y}" width="252" height="32" rx="8"/>',
            f'<text class="name middle" x="150" y="{y + 21}">{escape(step.package)}</text>',
            f'<text class="soft code" x="292" y="{y + 20}">{escape(short(step.entry))}</text>',
            f'<text class="soft end" x="736" y="{y + 21}">{step.functions}</text>',
        ]
    height = top + len(steps) * high + 8
    heading = f"{title}: {trace.total()}"
    labels = [
        f'<text class="title" x="24" y="32">{escape(heading)}</text>',
        '<text class="soft" x="292" y="54">enters by</text>',
        '<text class="soft end" x="736" y="54">functions</text>',
    ]
    write(name, heading, about, height, [*labels, *parts])


def layers_picture() -> None:
    """The contracts, side by side. A row may import the rows under it."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    stacks = [one for one in contracts if one["type"] == "layers"]
    wide, gap = (WIDTH - 24 * 2 - 20 * (len(stacks) - 1)) / len(stacks), 20
    parts: list[str] = []
    rows = max(len(one["layers"]) for one in stacks)
    for number, stack in enumerate(stacks):
        x = 24 + number * (wide + gap)
        parts.append(
            f'<text class="title" x="{x:g}" y="32">{escape(stack["containers"][0])}</text>'
        )
        parts += layers(stack["layers"], x, wide)
    write(
        "layers",
        "The layers of valetkey",
        "Three stacks of packages, from the import contracts. A row may import the rows under it, "
        "and no row above it.",
        56 + rows * 42 + 8,
        parts,
    )


def layers(rows: Sequence[str], x: float, wide: float) -> Iterator[str]:
    """One stack; siblings stand side by side."""
    for number, row in enumerate(rows):
        names = [name.strip() for name in row.replace("|", ":").split(":")]
        each = (wide - 6 * (len(names) - 1)) / len(names)
        y = 50 + number * 42
        for place, name in enumerate(names):
            start = x + place * (each + 6)
            yield f'<rect class="box" x="{start:g}" y="{y}" width="{each:g}" height="34" rx="8"/>'
            small = " code" if len(name) * 9.2 > each else ""
            middle = f'x="{start + each / 2:g}" y="{y + 22}"'
            yield f'<text class="name middle{small}" {middle}>{escape(name)}</text>'


def short(text: str, most: int = 54) -> str:
    """The text, with its end left out where it is too long."""
    return text if len(text) <= most else text[: most - 1] + "…"


def write(name: str, title: str, about: str, height: float, parts: Sequence[str]) -> None:
    """An SVG file for light and dark."""
    body = "\n  ".join(parts)
    text = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}"
  role="img" aria-labelledby="title about">
  <title id="title">{escape(title)}</title>
  <desc id="about">{escape(about)}</desc>
  <style>{STYLE}  </style>
  <defs>
    <marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="6" markerHeight="6"
      orient="auto"><path class="tip" d="M0 0 10 5 0 10z"/></marker>
  </defs>
  <rect class="card" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1:g}" rx="14"/>
  {body}
</svg>
"""
    (PICTURES / f"{name}.svg").write_text(text, "utf-8")


def main() -> None:
    """Draws all three."""
    layers_picture()
    with tempfile.TemporaryDirectory() as folder, live(Path(folder), name="Chirp") as server:
        request_picture(
            "token-request",
            "One token request",
            "The packages that the exchange of a code enters, in order, with the function by which "
            "it enters each, and the number of functions that run there.",
            token_request(server),
        )
        request_picture(
            "consent",
            "One consent",
            "The packages that the consent form enters, in order, with the function by which it "
            "enters each, and the number of functions that run there.",
            consent(server),
        )


if __name__ == "__main__":
    main()
