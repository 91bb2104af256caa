"""A17 (RFC 9700 4.16): no page shows in a frame, and none runs what did not come from us."""

from tests.attacks.play import every_page
from tests.live import Live

FORBIDDEN = ("unsafe-inline", "unsafe-eval", "*", "data:", "blob:", "http:", "wasm-unsafe-eval")


def test_every_page_refuses_to_be_framed(server: Live) -> None:
    for name, page in every_page(server).items():
        assert page.headers["content-type"] == "text/html; charset=utf-8", name
        assert page.headers["x-frame-options"] == "DENY", name
        assert page.headers["x-content-type-options"] == "nosniff", name
        assert page.headers["cross-origin-opener-policy"] == "same-origin", name
        policy = _policy(page.headers["content-security-policy"])
        assert policy["frame-ancestors"] == ["'none'"], name
        assert policy["default-src"] == ["'none'"], name
        assert policy["base-uri"] == ["'none'"], name
        assert "'self'" in policy["form-action"], name
        for directive, sources in policy.items():
            if directive != "form-action":
                assert sources in (["'self'"], ["'none'"]), (name, directive)
            assert not set(sources) & set(FORBIDDEN), (name, directive)


def _policy(header: str) -> dict[str, list[str]]:
    directives = [part.split() for part in header.split(";")]
    assert len({one[0] for one in directives}) == len(directives)
    return {one[0]: one[1:] for one in directives}
