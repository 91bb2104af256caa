"""Response headers of pages, and the languages that browsers ask for."""

from collections.abc import Iterable

from valetkey.server.http.reply import SAFE, Headers


def html_headers(form_action: str | None, frame_source: str = "") -> Headers:
    """Response headers of a page: it loads nothing from other origins and is never framed.
    `form_action` are the origins to which its forms may lead beside our own, None for anywhere."""
    forms = "" if form_action is None else f"; form-action 'self' {form_action}".rstrip()
    frames = f"; frame-src {frame_source}" if frame_source else ""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'"
        # Browsers apply this list to every redirect that follows a form as well.
        f"{frames}{forms}"
    )
    return (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode()),
        (b"x-frame-options", b"DENY"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (
            b"permissions-policy",
            b"publickey-credentials-get=(self), publickey-credentials-create=(self)",
        ),
        *SAFE,
    )


def accepted_languages(header: str) -> Iterable[str]:
    """The languages of an Accept-Language header, best first (RFC 9110 12.5.4)."""
    weighed = []
    for part in header[:512].split(",")[:16]:
        tag, _, weight = part.strip().partition(";q=")
        try:
            weighed.append((-float(weight or "1"), tag.strip()))
        except ValueError:
            continue
    return [tag for _, tag in sorted(weighed, key=lambda pair: pair[0])]
