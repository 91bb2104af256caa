"""The answer to a sign-in, and whose it is (A20, A21)."""

import msgspec
import pytest

from valetkey.client import Aborted, App, Denied, flow
from valetkey.wire.metadata import ServerMetadata

ABOUT = ServerMetadata(
    issuer="https://id.example",
    authorization_endpoint="https://id.example/authorize",
    authorization_response_iss_parameter_supported=True,
    code_challenge_methods_supported=("S256",),
)
STEF = App(issuer="https://id.example", client_id="stefapp", scope=("openid",))


def attempt(about: ServerMetadata = ABOUT) -> flow.Attempt:
    result, _ = flow.begin(
        STEF, about, flow.authorization_request(STEF), redirect_uri="http://127.0.0.1:1/callback"
    )
    return result


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("code=c&state=STATE&iss=https%3A%2F%2Fevil.example", id="A20 another iss"),
        pytest.param("code=c&state=STATE", id="A20 no iss where it is promised"),
        pytest.param("code=c&state=STATE&iss=https%3A%2F%2Fid.example%2F", id="A20 iss with slash"),
        pytest.param("code=c&state=other&iss=https%3A%2F%2Fid.example", id="A21 another state"),
        pytest.param("code=c&iss=https%3A%2F%2Fid.example", id="A21 no state"),
        pytest.param("state=STATE&iss=https%3A%2F%2Fid.example", id="no code"),
        pytest.param("code=&state=STATE&iss=https%3A%2F%2Fid.example", id="an empty code"),
        pytest.param("", id="nothing"),
        pytest.param("code=%ff&state=STATE&iss=https%3A%2F%2Fid.example", id="not UTF-8"),
        pytest.param("code=%4&state=STATE&iss=https%3A%2F%2Fid.example", id="a broken escape"),
        pytest.param("a&" * 200 + "code=c&state=STATE", id="without end"),
        pytest.param("code=c&code=d&state=STATE&iss=https%3A%2F%2Fid.example", id="two codes"),
        pytest.param(
            "error=x&state=STATE&iss=https%3A%2F%2Fevil.example", id="A20 error, other iss"
        ),
    ],
)
def test_an_answer_that_does_not_fit_ends_the_sign_in(query: str) -> None:
    result = attempt()
    with pytest.raises(Aborted):
        flow.finish(result, query.replace("STATE", result.state))


def test_an_answer_that_fits() -> None:
    result = attempt()
    form = flow.finish(result, f"code=c&state={result.state}&iss=https%3A%2F%2Fid.example")
    assert form["code"] == "c"
    assert result.state not in repr(result)


def test_a_refusal_that_fits() -> None:
    result = attempt()
    with pytest.raises(Denied) as refused:
        flow.finish(
            result, f"error=access_denied&state={result.state}&iss=https%3A%2F%2Fid.example"
        )
    assert refused.value.code == "access_denied"


def test_an_answer_without_iss_where_none_is_promised() -> None:
    result = attempt(
        msgspec.structs.replace(ABOUT, authorization_response_iss_parameter_supported=False)
    )
    assert flow.finish(result, f"code=c&state={result.state}")["code"] == "c"
    with pytest.raises(Aborted, match="iss differs"):
        flow.finish(result, f"code=c&state={result.state}&iss=https%3A%2F%2Fevil.example")


def test_every_sign_in_is_another() -> None:
    result = [attempt() for _ in range(100)]
    for name in ("state", "nonce", "verifier"):
        values = {getattr(one, name) for one in result}
        assert len(values) == 100
        # 256 bits, in base64url.
        assert {len(value) for value in values} == {43}


def test_the_request_asks_for_a_proof() -> None:
    result, requests = flow.begin(
        STEF,
        ABOUT,
        flow.authorization_request(STEF, prompt="consent"),
        redirect_uri="http://127.0.0.1:1/callback",
    )
    assert requests["code_challenge_method"] == "S256"
    assert result.verifier not in requests.values()
    assert set(requests) == {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "prompt",
    }
