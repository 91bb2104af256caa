"""Writes small databases in MaxMind's format (MaxMind DB File Format Specification 2.0), so that
tests need nobody's data."""

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

MARKER: Final = b"\xab\xcd\xefMaxMind.com"
_BITS: Final = 24


def write_mmdb(
    file: Path, records: Mapping[str, Any], *, kind: str = "Test-Country", made: int = 1_790_000_000
) -> Path:
    """A database of IPv4 and IPv6 networks with their records. No network may be in another."""
    tree: list[list[Any]] = [[None, None]]
    data = bytearray()
    for name, record in records.items():
        network = ipaddress.ip_network(name)
        bits, length = int(network.network_address), network.prefixlen
        if network.version == 4:
            length += 96
        place = len(data)
        data += encoded(record)
        _put(tree, f"{bits:0128b}"[:length], place)
    nodes = b"".join(_node(pair, len(tree)) for pair in tree)
    metadata = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": made,
        "database_type": kind,
        "description": {"en": "made by a test"},
        "ip_version": 6,
        "languages": ["en"],
        "node_count": len(tree),
        "record_size": _BITS,
    }
    file.write_bytes(nodes + bytes(16) + bytes(data) + MARKER + encoded(metadata))
    return file


def countries(file: Path, **codes: str) -> Path:
    """A database of countries, as GeoLite2 and DB-IP have them: the networks by their codes."""
    named = {"names": {"en": "<b>Nowhere</b>", "de": "\r\nBcc: all@evil.example"}}
    rows = {network: {"country": {"iso_code": code, **named}} for code, network in codes.items()}
    return write_mmdb(file, rows)


def _put(tree: list[list[Any]], bits: str, place: int) -> None:
    node = 0
    for bit in bits[:-1]:
        if tree[node][int(bit)] is None:
            tree[node][int(bit)] = len(tree)
            tree.append([None, None])
        node = tree[node][int(bit)]
    tree[node][int(bits[-1])] = ("data", place)


def _node(pair: list[Any], count: int) -> bytes:
    return b"".join(_entry(one, count).to_bytes(3, "big") for one in pair)


def _entry(entry: Any, count: int) -> int:
    if entry is None:
        return count
    return count + 16 + int(entry[1]) if isinstance(entry, tuple) else int(entry)


def encoded(value: Any) -> bytes:
    """A value of the data section."""
    match value:
        case str():
            raw = value.encode()
            return _head(2, len(raw)) + raw
        case int():
            raw = struct.pack(">I", value).lstrip(b"\0")
            return _head(6, len(raw)) + raw
        case dict():
            pairs = b"".join(encoded(key) + encoded(one) for key, one in value.items())
            return _head(7, len(value)) + pairs
        case list():
            return _head(11, len(value)) + b"".join(map(encoded, value))
        case _:
            raise TypeError(type(value))


def _head(kind: int, size: int) -> bytes:
    more = b""
    if size >= 285:
        size, more = 30, (size - 285).to_bytes(2, "big")
    elif size >= 29:
        size, more = 29, bytes((size - 29,))
    return (bytes((kind << 5 | size,)) if kind < 8 else bytes((size, kind - 7))) + more
