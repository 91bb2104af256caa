"""A170: a key service, or somebody between, that gets at the master key (CWE-319, CWE-532).

Attack: A redirect or a proxy leads the token of Vault elsewhere, an answer fills the memory or
writes to the terminal, a log at its finest level shows the key, or a file has a key that the
attacker has wrapped with a key of their own.
Defense: The token goes to the address of the settings alone, answers are bounded and printed as one
line, what logs bodies is silenced, and the service is asked to unwrap with one named key only.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.custody import TOKEN, Kms, Transit, kms, transit

from valetkey.cli.master_key import file as key_file
from valetkey.jose import base64url
from valetkey.server.custody.key_service import KeyServiceError, KeyServiceTerms
from valetkey.server.model.keys import Secret
from valetkey.server.settings.key_service import connect

PLAIN = bytes(range(32))


@pytest.fixture
def vault() -> Iterator[Transit]:
    with transit() as service:
        yield service


@pytest.fixture
def terms(vault: Transit) -> KeyServiceTerms:
    return KeyServiceTerms(kind="vault", key="valetkey", url=vault.url, token=Secret(TOKEN))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kms]:
    with kms() as service:
        for name, value in service.settings().items():
            monkeypatch.setenv(name, value)
        yield service


def of_aws(aws: Kms, key: str) -> KeyServiceTerms:
    return KeyServiceTerms(kind="aws-kms", key=key, url=aws.url, region="eu-central-1")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_does_not_get_the_token(
    vault: Transit, terms: KeyServiceTerms, status: int
) -> None:
    with transit() as thief:
        vault.instead = (status, b"", {"Location": f"{thief.url}/v1/transit/decrypt/valetkey"})
        with pytest.raises(KeyServiceError, match="name the active server"):
            connect(terms).unwrap("vault:v1:AAAA")
        assert thief.heard == []


def test_a_proxy_of_the_environment_does_not_get_the_token(
    vault: Transit, terms: KeyServiceTerms, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transit() as thief:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, thief.url)
        assert connect(terms).unwrap(connect(terms).wrap(PLAIN)) == PLAIN
        assert thief.heard == []


def test_an_endless_answer_is_cut_off(vault: Transit, terms: KeyServiceTerms) -> None:
    vault.instead = (200, b" " * 2_000_000, {})
    with pytest.raises(KeyServiceError, match="answers with too much"):
        connect(terms).unwrap("vault:v1:AAAA")


def test_an_answer_does_not_write_to_the_terminal(vault: Transit, terms: KeyServiceTerms) -> None:
    vault.instead = (400, b'{"errors":["\\u001b[2J\\nError: all is well' + b"x" * 999 + b'"]}', {})
    with pytest.raises(KeyServiceError) as failed:
        connect(terms).unwrap("vault:v1:AAAA")
    assert str(failed.value).isprintable()
    assert len(str(failed.value)) < 400


def test_a_path_in_a_name_stays_one_name(vault: Transit, terms: KeyServiceTerms) -> None:
    other = KeyServiceTerms(kind="vault", key="../../sys/seal", url=vault.url)
    with pytest.raises(KeyServiceError):
        connect(other).unwrap("vault:v1:AAAA")
    assert vault.heard[-1][0] == "/v1/transit/decrypt/..%2F..%2Fsys%2Fseal"


@pytest.mark.parametrize("kind", ["vault", "aws-kms"])
def test_no_log_shows_key_or_token(
    kind: str,
    terms: KeyServiceTerms,
    aws: Kms,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    service = connect(terms if kind == "vault" else of_aws(aws, aws.key))
    caplog.set_level(logging.DEBUG)
    wrapped = service.wrap(PLAIN)
    assert service.unwrap(wrapped) == PLAIN
    from base64 import b64encode

    text = caplog.text + repr(terms) + repr(service)
    for secret in (TOKEN, "testing-secret", b64encode(PLAIN).decode(), base64url.encode(PLAIN)):
        assert secret not in text
    assert repr(PLAIN)[2:-1] not in text


def test_a_key_that_another_key_has_wrapped_is_refused(aws: Kms, tmp_path: Path) -> None:
    """The attacker may use a key of the same service, and write to the file."""
    foreign = aws.make()
    file = tmp_path / "master.key"
    file.write_text(connect(of_aws(aws, foreign)).wrap(PLAIN))
    with pytest.raises(Exception, match=r"cannot be unwrapped: AWS KMS .* refuses"):
        key_file.read(file, of_aws(aws, aws.key))


def test_a_key_that_is_not_wrapped_is_refused(terms: KeyServiceTerms, tmp_path: Path) -> None:
    """Whoever can write to the file could choose the key without asking the service."""
    file = tmp_path / "master.key"
    file.write_text(base64url.encode(PLAIN))
    file.chmod(0o600)
    with pytest.raises(Exception, match="is not wrapped, and key_service is set"):
        key_file.read(file, terms)
