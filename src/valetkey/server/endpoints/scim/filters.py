"""Filters (RFC 7644 3.4.2.2): which record an index finds, and whether a resource matches.

The library parses them. Resources are compared here as the documents that are stored: building its
objects for thousands of them would take seconds.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final

from scim2_models import SearchRequest
from scim2_models.exceptions import InvalidFilterException
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)

from valetkey.server.endpoints.scim.schemas import PROVIDER, Document, Model
from valetkey.server.model.confusable import folded
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 7644", "3.4.2.2")

MAX_FILTER: Final = 1000
"""Characters of a filter."""

MAX_TERMS: Final = 20
"""Comparisons in a filter."""

_EXACT: Final = frozenset({"id", "externalid", "members", "members.value"})
"""Attributes whose case counts."""


def parse(text: str, model: Model) -> FilterNode:
    """The filter. Raises SCIMException or ValidationError for one that is wrong, or larger than
    any that clients need."""
    if len(text) > MAX_FILTER:
        raise InvalidFilterException(detail=f"a filter has at most {MAX_FILTER} characters")
    with PROVIDER:
        # An attribute that nobody knows is a mistake: "no such user" would be taken for an answer.
        request = SearchRequest[model].model_validate({"filter": text})  # type: ignore[valid-type]
    if request.filter is None:
        raise InvalidFilterException
    node = request.filter.ast
    if sum(1 for _ in _terms(node)) > MAX_TERMS:
        raise InvalidFilterException(detail=f"a filter has at most {MAX_TERMS} comparisons")
    return node


def _terms(node: FilterNode) -> Iterator[FilterNode]:
    match node:
        case LogicalExpr():
            for one in node.terms:
                yield from _terms(one)
        case Not():
            yield from _terms(node.expr)
        case ValuePath():
            yield from _terms(node.val_filter)
        case _:
            yield node


def names(node: FilterNode) -> set[str]:
    """The attributes that the filter is about, in lower case."""
    match node:
        case LogicalExpr():
            return {name for one in node.terms for name in names(one)}
        case Not():
            return names(node.expr)
        case Comparison() | Present() | ValuePath():
            return {node.attr_path.attr.lower()}
        case _:
            return set()


def equalities(node: FilterNode) -> dict[str, str]:
    """The texts that attributes have to equal for the filter to hold, by lower-case path."""
    match node:
        case LogicalExpr() if node.op == LogicalOperator.and_:
            pairs = [pair for one in node.terms for pair in equalities(one).items()]
            return dict(pairs)
        case Comparison() if node.op == CompareOperator.eq and isinstance(node.value, str):
            return {_path(node.attr_path): node.value}
        case ValuePath():
            inner = equalities(node.val_filter)
            return {f"{_path(node.attr_path)}.{name}": value for name, value in inner.items()}
        case _:
            return {}


def _path(path: AttrPath) -> str:
    return ".".join(part.lower() for part in (path.attr, path.sub_attr) if part)


def matches(node: FilterNode, document: Document) -> bool:
    """Whether a resource matches the filter."""
    return _Match(document).visit(node)


_ORDERS: Final[dict[CompareOperator, Callable[[Any, Any], bool]]] = {
    CompareOperator.eq: eq,
    CompareOperator.ne: ne,
    CompareOperator.gt: gt,
    CompareOperator.ge: ge,
    CompareOperator.lt: lt,
    CompareOperator.le: le,
    CompareOperator.co: lambda text, part: part in text,
    CompareOperator.sw: lambda text, part: text.startswith(part),
    CompareOperator.ew: lambda text, part: text.endswith(part),
}


class _Match(FilterVisitor[bool]):
    """Judges one document. `above` is the path of the attribute that the document is a value
    of."""

    def __init__(self, document: Document, above: str = "") -> None:
        self._values = {name.lower(): value for name, value in document.items()}
        self._above = above

    def visit_comparison(self, node: Comparison) -> bool:
        path = f"{self._above}{_path(node.attr_path)}"
        prepare = _preparation(path)
        expected = prepare(node.value)
        values = [prepare(one) for one in self._find(node.attr_path)] or [None]
        return any(_compare(one, expected, node.op) for one in values)

    def visit_present(self, node: Present) -> bool:
        return any(one not in (None, "", [], {}) for one in self._find(node.attr_path))

    def visit_not(self, node: Not) -> bool:
        return not self.visit(node.expr)

    def visit_logical_expr(self, node: LogicalExpr) -> bool:
        results = (self.visit(one) for one in node.terms)
        return all(results) if node.op == LogicalOperator.and_ else any(results)

    def visit_value_path(self, node: ValuePath) -> bool:
        above = f"{_path(node.attr_path)}."
        return any(
            _Match(one, above).visit(node.val_filter)
            for one in self._every(node.attr_path)
            if isinstance(one, dict)
        )

    def _find(self, path: AttrPath) -> list[Any]:
        """The values at a path; a complex value in a list stands for its `value`."""
        many, sub = self._every(path), (path.sub_attr or "").lower()
        if not sub:
            return [one.get("value") if _is_entry(one) else one for one in many]
        rows = [{name.lower(): inner for name, inner in one.items()} for one in many]
        return [one[sub] for one in rows if sub in one]

    def _every(self, path: AttrPath) -> list[Any]:
        """The values of an attribute, as they are."""
        value = self._values.get(path.attr.lower())
        return value if isinstance(value, list) else [] if value is None else [value]


def _is_entry(value: Any) -> bool:
    return isinstance(value, dict) and "value" in value


def _preparation(path: str) -> Callable[[Any], Any]:
    """What makes the values at a path comparable."""
    if path in ("meta.created", "meta.lastmodified"):
        return _as_time
    return (lambda value: value) if path in _EXACT else _without_case


def _as_time(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _without_case(value: Any) -> Any:
    return folded(value) if isinstance(value, str) else value


def _compare(actual: Any, expected: Any, op: CompareOperator) -> bool:
    if actual is None or expected is None:
        same = actual is expected
        return same if op == CompareOperator.eq else not same and op == CompareOperator.ne
    try:
        return bool(_ORDERS[op](actual, expected))
    except (TypeError, AttributeError):
        return False
