"""What an operator's templates have to keep: each page is compared with our own, by the same texts.

A page keeps what is sent (forms, fields, buttons, links of ours), what tests and password managers
rely on (ids), what a person has to see before they decide, and it runs and loads nothing that our
headers would block.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from typing import Final, NamedTuple

import jinja2
import msgspec
from jinja2.meta import find_referenced_templates
from msgspec.structs import replace

from valetkey.server.pages.authorize import AnswerFormView
from valetkey.server.pages.components import View
from valetkey.server.pages.locales import LOCALES
from valetkey.server.pages.render import environment
from valetkey.server.pages.samples import SAMPLES
from valetkey.server.pages.theme import Look

_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
_BLOCKED: Final = frozenset({"style", "iframe", "object", "embed", "base", "applet", "frame"})
_UNSEEN: Final = frozenset(
    {
        *("head", "script", "style", "template", "noscript", "option", "textarea", "dialog"),
        *("datalist", "canvas", "audio", "video", "svg"),
    }
)
_IMPORTANT: Final = frozenset(
    {
        *("can", "cannot", "facts", "hero", "problem", "caution", "data", "cause", "who"),
        *("maker", "name"),
    }
)
"""Classes of what a person has to see: what an app could do and could not, who it is, where it
sends them, and warnings."""
_FIELDS: Final = frozenset({"input", "select", "textarea", "button", "option"})
_ATTRIBUTES: Final = (
    *("name", "value", "type", "checked", "disabled", "required", "autocomplete", "id"),
    *("form", "formaction", "formmethod", "formtarget"),
)
_TOKEN: Final = re.compile(r"\s+")


class Form(NamedTuple):
    """Where a form is sent, and how."""

    action: str
    method: str

    def __str__(self) -> str:
        return f'the form to "{self.action[:60]}" ({self.method})'


class FormField(NamedTuple):
    """A field or button, and the form that sends it."""

    form: str
    tag: str
    attributes: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        inside = "".join(f' {name}="{value[:60]}"' for name, value in self.attributes)
        return f'<{self.tag}{inside}> in the form to "{self.form[:60]}"'


class Outline(HTMLParser):
    """What counts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: Counter[Form] = Counter()
        self.fields: Counter[FormField] = Counter()
        self.ids: Counter[str] = Counter()
        self.links: set[str] = set()
        self.texts: Counter[tuple[str, bool]] = Counter()
        """Texts that are seen, and whether they are folded away."""
        self.important: Counter[tuple[str, bool]] = Counter()
        self.blocked: list[str] = []
        self._open: list[tuple[str, dict[str, str]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self._check(tag, attributes)
        if "id" in attributes:
            self.ids[attributes["id"]] += 1
        if tag == "form":
            form = Form(attributes.get("action", ""), attributes.get("method", "get"))
            self.forms[form] += 1
        if tag in _FIELDS:
            own = tuple((name, attributes[name]) for name in _ATTRIBUTES if name in attributes)
            self.fields[FormField(self._form(), tag, own)] += 1
        if tag == "a" and attributes.get("href", "").startswith("/"):
            self.links.add(attributes["href"])
        if tag not in _VOID:
            self._open.append((tag, attributes))

    def handle_endtag(self, tag: str) -> None:
        for at in range(len(self._open) - 1, -1, -1):
            if self._open[at][0] == tag:
                del self._open[at:]
                return

    def handle_data(self, data: str) -> None:
        text = _TOKEN.sub(" ", data).strip()
        if not text or any(_is_unseen(tag, attributes) for tag, attributes in self._open):
            return
        # What is in a summary is seen, though it is within what is folded away.
        tags = [tag for tag, _ in self._open]
        folded = tags.count("details") > tags.count("summary")
        self.texts[text, folded] += 1
        if any(_IMPORTANT & {*attributes.get("class", "").split()} for _, attributes in self._open):
            self.important[text, folded] += 1

    def _form(self) -> str:
        forms = [attributes.get("action", "") for tag, attributes in self._open if tag == "form"]
        return forms[-1] if forms else ""

    def _check(self, tag: str, attributes: dict[str, str]) -> None:
        """Note what the headers of pages block, or what would go elsewhere."""
        inline = [name for name in attributes if name == "style" or name.startswith("on")]
        if tag in _BLOCKED or inline:
            self.blocked.append(f"<{tag}{' ' if inline else ''}{' '.join(inline)}>")
        if tag == "meta" and "http-equiv" in attributes:
            self.blocked.append("<meta http-equiv>")
        if tag == "script" and "src" not in attributes:
            self.blocked.append("<script> without src")
        for name in ("src", "srcset", "action", "formaction", "href"):
            value = attributes.get(name, "")
            loads = name != "href" or tag == "link"
            if loads and value and not re.match(r"/(?!/)|[?#]", value):
                self.blocked.append(f'<{tag} {name}="{value[:80]}">')
            elif not loads and re.match(r"\s*(javascript|data|vbscript):", value, re.IGNORECASE):
                self.blocked.append(f'<{tag} href="{value[:80]}">')


def _is_unseen(tag: str, attributes: dict[str, str]) -> bool:
    hidden = {"hidden", "popover"} & attributes.keys()
    return bool(hidden) or tag in _UNSEEN or "skip" in attributes.get("class", "").split()


_results: dict[bytes, tuple[str, ...]] = {}
"""What `judge` found, by the brand. A worker that was forked has what its parent found."""


def verdict(look: Look) -> tuple[str, ...] | None:
    """What `judge` found about this brand in this process; None if it has not looked."""
    return () if not look.brand.templates else _results.get(_key(look))


def judge(look: Look, *, pause: float = 0.0) -> tuple[str, ...]:
    """What the templates of a look do not keep, () if they may be shown. All pages take seconds:
    with a `pause` after each, other threads run as if this one were not there."""
    if (found := verdict(look)) is None:
        found = _results[_key(look)] = tuple(broken(look, pause=pause))
    return found


def _key(look: Look) -> bytes:
    brand = replace(look.brand, version=0, checked_with="")
    return msgspec.json.encode([brand, look.site, [*SAMPLES]], order="sorted")


def broken(look: Look, *, pause: float = 0.0) -> Iterator[str]:
    """What the templates of a look do not keep, by page."""
    replaced = frozenset(look.brand.templates)
    if not replaced:
        return
    reported: set[str] = set()
    for name, sample in SAMPLES.items():
        if replaced.isdisjoint(_parts(sample)):
            continue  # The page is ours.
        for tag in LOCALES:
            for why in _broken(look, replace(sample, site=look.site), tag):
                # Once for each template and reason, with the page where it is seen first.
                if (line := f"{sample.template}: {why}") not in reported:
                    reported.add(line)
                    yield f"templates: {line} (page {name}, {tag})"
            time.sleep(pause)


def _parts(view: View) -> set[str]:
    """The templates that our page of the view is made of."""
    parts: set[str] = set()
    todo = [view.template, *view.included]
    while todo:
        if (name := todo.pop()) not in parts:
            parts.add(name)
            references = _references(name)
            if None in references and not view.included:
                raise AssertionError(f"{name} names a template that is known at run time only")
            todo += filter(None, references)
    return parts


@cache
def _references(name: str) -> tuple[str | None, ...]:
    """The templates that this one names, None for one that is known at run time only."""
    env = environment(LOCALES["en"])
    source = env.loader.get_source(env, name)[0]  # type: ignore[union-attr]
    return tuple(find_referenced_templates(env.parse(source)))


def _broken(look: Look, view: View, tag: str) -> Iterator[str]:
    ours = Outline(look.render_ours(view, language=tag))
    try:
        theirs = Outline(look.render_strictly(view, language=tag))
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError) as error:
        yield f"{type(error).__name__}: {error}"
        return
    leaves = view.action if isinstance(view, AnswerFormView) else None
    for blocked in theirs.blocked:
        if leaves is None or leaves not in blocked:
            yield f"{blocked} is blocked by the headers of pages"
    yield from (f"{form} is missing" for form in ours.forms - theirs.forms)
    yield from (f"{form} is not one of ours" for form in theirs.forms - ours.forms)
    yield from (f"{field} is missing or differs" for field in ours.fields - theirs.fields)
    yield from (f"{field} is not one of ours" for field in theirs.fields - ours.fields)
    yield from (f'the id "{one}" is missing' for one in ours.ids.keys() - theirs.ids.keys())
    yield from (f'the id "{one}" occurs {n} times' for one, n in theirs.ids.items() if n > 1)
    yield from (f'the link to "{one[:60]}" is missing' for one in ours.links - theirs.links)
    yield from _unseen(ours, theirs)


def _unseen(ours: Outline, theirs: Outline) -> Iterator[str]:
    """What a person has to see and does not. What we fold away may be folded away."""
    for (text, folded), count in ours.important.items():
        seen = theirs.texts[text, False] + (theirs.texts[text, True] if folded else 0)
        if seen < count:
            yield f'"{text[:80]}" has to be seen'
