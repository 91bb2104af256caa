"""QR codes for another device to scan: the address of the device flow, or a ticket or a handle of a
shard. Needs the extra `holders`."""

import io

import segno


def svg(text: str) -> str:
    """A QR code, as an SVG for a page or a window."""
    out = io.BytesIO()
    _code(text).save(out, kind="svg", xmldecl=False, scale=4, border=4)
    return out.getvalue().decode()


def terminal(text: str) -> str:
    """A QR code, for a terminal."""
    out = io.StringIO()
    _code(text).terminal(out, compact=True)
    return out.getvalue()


def _code(text: str) -> segno.QRCode:
    return segno.make_qr(text, error="m")
