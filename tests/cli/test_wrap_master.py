"""A master key that a key service unwraps: AWS KMS (moto), and Vault's transit engine as it is
documented."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cli.line import Line
from tests.custody import Kms, Transit, kms, transit
from tests.live import free_port

from valetkey.cli.master_key import file as key_file
from valetkey.cli.master_key import rotate
from valetkey.jose import base64url
from valetkey.server.custody.key_service import KeyServiceTerms
from valetkey.server.model.keys import Secret, SigningKey
from valetkey.server.store.keyring import open_keys

KEY = base64url.encode(bytes(range(32)))


@pytest.fixture(scope="module")
def aws() -> Iterator[Kms]:
    with kms() as service:
        yield service


@pytest.fixture
def vault() -> Iterator[Transit]:
    with transit() as service:
        yield service


@pytest.fixture(params=["aws-kms", "vault"])
def service(request: pytest.FixtureRequest) -> Kms | Transit:
    found: Kms | Transit = request.getfixturevalue(
        {"aws-kms": "aws", "vault": "vault"}[request.param]
    )
    return found


def use(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    """The settings of a key service, and a process that has asked it nothing yet."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    key_file._unwrapped.cache_clear()
    monkeypatch.setattr(rotate, "SETTLED", 0)


@pytest.fixture
def file(line: Line) -> Path:
    return line.folder / "valetkey.db.key"


def test_a_key_that_is_there_is_wrapped(
    line: Line, file: Path, service: Kms | Transit, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.ok("key", "rotate")
    plain = file.read_text().strip()
    use(monkeypatch, service.settings())
    told = line.fails("key", "rotate", status=2)
    assert "is not wrapped, and key_service is set: run `valetkey key wrap-master`" in told
    result = line.run("key", "wrap-master")
    assert (result.exit_code, "may be in backups" in result.stderr) == (0, True)
    wrapped = file.read_text()
    assert plain not in wrapped
    assert file.stat().st_mode & 0o777 == 0o600
    line.ok("key", "rotate")
    assert open_keys(line.every(SigningKey), base64url.decode(plain), now=0).published
    assert "unwrapped by" in line.run("doctor").output
    # Once more, with the service's newest key.
    assert line.run("key", "wrap-master").stderr == ""
    assert file.read_text() != wrapped
    line.ok("key", "rotate")


def test_the_first_start_makes_a_wrapped_key(
    line: Line, file: Path, service: Kms | Transit, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, service.settings())
    line.ok("key", "rotate")
    assert file.read_text().startswith(("aws-kms:v1:", "vault:v1:"))
    assert "already exists" in line.fails("key", "wrap-master", "--new", status=1)
    file.unlink()
    line.ok("key", "wrap-master", "--new")
    assert "does not open key" in line.fails("key", "rotate", status=2)


def test_it_is_replaced_as_any_other(
    line: Line, file: Path, service: Kms | Transit, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, service.settings())
    line.ok("key", "rotate")
    before = file.read_text().split()
    assert line.json("key", "rotate-master")["status"] == "resealed"
    new, old = file.read_text().split()
    assert [old] == before
    line.ok("key", "rotate-master", "--drop-old")
    assert file.read_text().split() == [new]
    line.ok("key", "rotate")


def test_it_comes_back(
    line: Line, file: Path, service: Kms | Transit, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, service.settings())
    line.ok("key", "rotate")
    wrapped = file.read_text()
    line.ok("key", "unwrap-master")
    assert file.stat().st_mode & 0o777 == 0o600
    monkeypatch.delenv("VALETKEY_KEY_SERVICE__KIND")
    line.ok("key", "rotate")
    assert "no key service is set" in line.fails("key", "unwrap-master", status=2)
    file.write_text(wrapped)
    assert "is wrapped by" in line.fails("key", "rotate", status=2)


def test_the_key_of_the_environment_is_wrapped_into_a_file(
    line: Line, file: Path, vault: Transit, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.ok("key", "rotate", VALETKEY_MASTER_KEY=KEY)
    use(monkeypatch, vault.settings())
    told = line.fails("key", "rotate", status=2, VALETKEY_MASTER_KEY=KEY)
    assert "unset the variable" in told
    line.ok("key", "wrap-master", VALETKEY_MASTER_KEY=KEY)
    line.ok("key", "rotate")


def test_another_service_than_the_one_that_wrapped(
    line: Line, file: Path, vault: Transit, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, vault.settings())
    file.write_text("aws-kms:v1:AAAA\n")
    told = line.fails("key", "rotate", status=2)
    assert "is wrapped by AWS KMS, and key_service.kind is vault" in told


def stop(service: Transit) -> None:
    service.stop()


def lose(service: Transit) -> None:
    service.keys.clear()


def another(service: Transit) -> None:
    service.keys["valetkey"] = bytes(32)


def says(status: int, body: bytes = b"") -> Callable[[Transit], None]:
    return lambda service: setattr(service, "instead", (status, body, {}))


WITH_VAULT = [
    pytest.param(stop, "cannot be reached: ", id="gone"),
    pytest.param(
        lose, "refuses (400: encryption key not found): check key_service.key", id="no such key"
    ),
    pytest.param(another, "refuses (400: cipher: message authentication failed)", id="another key"),
    pytest.param(
        says(404, b'{"errors":[]}'), "has nothing at transit/decrypt/valetkey (404)", id="a path"
    ),
    pytest.param(
        says(403, b'{"errors":["permission denied"]}'), 'let it "update" transit/dec', id="a token"
    ),
    pytest.param(
        says(503, b'{"errors":["Vault is sealed"]}'),
        "(503: Vault is sealed): unseal it",
        id="sealed",
    ),
    pytest.param(says(500, b"<html>"), "cannot answer now (500): try again", id="a crash"),
    pytest.param(
        says(200, b'{"data":{"plaintext":"%%"}}'), "in base64: is it Vault?", id="no plain text"
    ),
    pytest.param(
        says(200, b'{"data":{"plaintext":"AAAA"}}'), "unwraps to 3 bytes", id="a short key"
    ),
]


@pytest.mark.parametrize("fault, told", WITH_VAULT)
def test_vault_that_does_not_unwrap(
    line: Line,
    vault: Transit,
    fault: Callable[[Transit], None],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(monkeypatch, vault.settings())
    line.ok("key", "rotate")
    key_file._unwrapped.cache_clear()
    fault(vault)
    fails_everywhere(line, told)


def away(aws: Kms) -> dict[str, str]:
    return {"VALETKEY_KEY_SERVICE__URL": "http://127.0.0.1:9"}


def no_key(aws: Kms) -> dict[str, str]:
    return {"VALETKEY_KEY_SERVICE__KEY": "alias/nowhere"}


def other_key(aws: Kms) -> dict[str, str]:
    return {"VALETKEY_KEY_SERVICE__KEY": aws.make()}


def no_credentials(aws: Kms) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}


def no_region(aws: Kms) -> dict[str, str]:
    return {"VALETKEY_KEY_SERVICE__REGION": ""}


WITH_AWS = [
    pytest.param(away, "cannot be reached: Could not connect to the endpoint URL", id="gone"),
    pytest.param(
        no_key, "has no such key (NotFoundException): check key_service.key", id="no such key"
    ),
    pytest.param(
        other_key, "refuses (AccessDeniedException): allow kms:Decrypt with this", id="another key"
    ),
    pytest.param(
        no_credentials, "has no credentials: give this server a role", id="no credentials"
    ),
    pytest.param(no_region, "needs key_service.region", id="no region"),
]


@pytest.mark.parametrize("fault, told", WITH_AWS)
def test_aws_that_does_not_unwrap(
    line: Line,
    aws: Kms,
    fault: Callable[[Kms], dict[str, str]],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(monkeypatch, aws.settings())
    line.ok("key", "rotate")
    use(monkeypatch, fault(aws))
    fails_everywhere(line, told)


def fails_everywhere(line: Line, told: str) -> None:
    """Commands and the doctor say it, in a line."""
    for words in (("key", "rotate"), ("events", "rotate-key")):
        text = line.fails(*words, status=1)
        assert told in text
        assert "the master key valetkey.db.key cannot be unwrapped" in text
        assert text.count("\n") <= 2
    result = line.run("doctor")
    assert result.exit_code == 1
    assert told in " ".join(result.stdout.split())


def test_a_context_that_aws_was_not_told_is_refused(aws: Kms) -> None:
    """A text that the same key has wrapped for another program is no master key."""
    from valetkey.server.custody.aws_kms import AwsKms
    from valetkey.server.custody.key_service import KeyServiceError

    foreign = aws.client.encrypt(KeyId=aws.key, Plaintext=bytes(32))["CiphertextBlob"]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.settings().items():
            patch.setenv(name, value)
        service = AwsKms(
            KeyServiceTerms(kind="aws-kms", key=aws.key, url=aws.url, region="eu-central-1")
        )
        with pytest.raises(KeyServiceError, match="has not wrapped this master key"):
            service.unwrap("aws-kms:v1:" + base64url.encode(foreign))


MISTAKES = [
    pytest.param({"KEY": ""}, "key_service.key", id="no key"),
    pytest.param(
        {"URL": ""}, "url = '' (from VALETKEY_KEY_SERVICE__URL): is missing", id="no address"
    ),
    pytest.param({"URL": "https://a:b@vault.example"}, "is no web address", id="a user name"),
    pytest.param(
        {"URL": "http://vault.example:8200"}, "would send the key in the clear", id="in the clear"
    ),
    pytest.param({"MOUNT": "../sys"}, "is no path such as transit", id="a mount"),
    pytest.param({"TOKEN_FILE": "nowhere"}, "cannot be read", id="no file"),
    pytest.param({"KIND": "gcp"}, "invalid enum value", id="a kind"),
]


@pytest.mark.parametrize("more, told", MISTAKES)
def test_mistakes_in_the_settings(
    line: Line, more: dict[str, str], told: str, vault: Transit, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, vault.settings())
    use(monkeypatch, {f"VALETKEY_KEY_SERVICE__{name}": value for name, value in more.items()})
    found = line.fails("key", "list", status=2)
    assert "mistake" in found
    assert told in found


def test_the_token_of_an_agent_is_read_each_time(
    line: Line, vault: Transit, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = vault.settings()
    token = settings.pop("VALETKEY_KEY_SERVICE__TOKEN")
    sink = line.folder / "token"
    sink.touch(mode=0o600)
    sink.write_text(f"{token}\n")
    use(monkeypatch, settings | {"VALETKEY_KEY_SERVICE__TOKEN_FILE": str(sink)})
    line.ok("key", "rotate")
    key_file._unwrapped.cache_clear()
    sink.write_text("expired")
    assert "renew the token" in line.fails("key", "rotate", status=1)


def test_a_running_server_asks_a_broken_service_once_a_minute(
    line: Line, file: Path, vault: Transit, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, vault.settings())
    line.ok("key", "rotate")
    terms = KeyServiceTerms(kind="vault", key="valetkey", url=vault.url, token=Secret("none"))
    reading = key_file.Rereading(file, terms)
    before = len(vault.heard)
    assert [reading() for _ in range(9)] == [()] * 9
    assert len(vault.heard) == before + 1


@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_server_starts_without_its_key(
    line: Line, vault: Transit, workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, vault.settings())
    line.ok("key", "rotate")
    vault.stop()
    words = ("serve", "--port", str(free_port()), "--workers", workers)
    program = [sys.executable, "-m", "valetkey", *words]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(
        "Error: the master key valetkey.db.key cannot be unwrapped: "
        f"Vault at {vault.url}, key transit/valetkey, cannot be reached: "
    )
    assert len(ended.stderr.splitlines()) == 1


def test_workers_inherit_the_key(
    line: Line, vault: Transit, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, vault.settings())
    line.ok("key", "wrap-master", "--new")
    vault.heard.clear()
    port = str(free_port())
    program = [sys.executable, "-m", "valetkey", "serve", "--port", port, "--workers", "2"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert "listens on" in server.stdout.readline()
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    assert [path for path, _ in vault.heard] == ["/v1/transit/decrypt/valetkey"]


def test_a_worker_that_is_replaced_needs_no_service(
    line: Line, file: Path, vault: Transit, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, vault.settings())
    line.ok("key", "rotate")
    vault.stop()
    line.ok("key", "rotate")
