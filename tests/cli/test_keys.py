"""`valetkey key`, and the master key."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.line import Line

from valetkey.jose import base64url
from valetkey.server.model.keys import SigningKey, Use
from valetkey.server.oauth.admin.keys import TURNED
from valetkey.server.store.keyring import open_keys

KEY = base64url.encode(bytes(range(32)))
FRESH = Counter(
    {(use, status): 1 for use in TURNED for status in ("current", "coming")}
    | {("salt", "current"): 1}
)


def statuses(line: Line) -> Counter[tuple[str, str]]:
    return Counter((one["use"], one["status"]) for one in line.json("key", "list"))


def kids(line: Line, status: str) -> dict[Use, str]:
    return {one.use: one.kid for one in line.every(SigningKey) if one.status == status}


def test_rotate_makes_the_master_key_and_the_first_keys(line: Line) -> None:
    line.ok("key", "rotate")
    file = line.folder / "valetkey.db.key"
    assert file.stat().st_mode & 0o777 == 0o600
    master = base64url.decode(file.read_text().strip())
    assert len(master) == 32
    turned = {(use, "retiring"): 1 for use in ("ES256", "RS256", "seal")}
    assert statuses(line) == FRESH + Counter(turned)
    assert open_keys(line.every(SigningKey), master, now=0).signing.keys() == {"ES256", "RS256"}
    assert master not in line.database.read_bytes()


def test_rotate_turns_each_key_by_one_step(line: Line) -> None:
    line.ok("key", "rotate")
    coming, mac = kids(line, "coming"), kids(line, "current")["mac"]
    text = line.ok("key", "rotate", "--use", "ES256")
    assert kids(line, "current")["ES256"] == coming["ES256"]
    assert kids(line, "coming")["RS256"] == coming["RS256"]
    assert kids(line, "current")["mac"] == mac
    assert len([one for one in text.splitlines() if "ES256  retiring" in one]) == 2


def test_the_mac_key_turns_only_by_name(line: Line) -> None:
    line.ok("key", "rotate", "--use", "mac")
    assert statuses(line) == FRESH + Counter({("mac", "retiring"): 1})
    (retiring,) = (one for one in line.every(SigningKey) if one.status == "retiring")
    assert retiring.until - retiring.since >= 365 * 86400


def test_a_retiring_key_lasts_as_long_as_the_settings_need(line: Line) -> None:
    line.ok("key", "rotate", "--use", "ES256", "--set", "lifetimes.access_token=3000")
    (retiring,) = (one for one in line.every(SigningKey) if one.status == "retiring")
    assert retiring.until - retiring.since == 3000 + 3600


def test_the_list_shows_nothing_of_the_keys(line: Line) -> None:
    line.ok("key", "rotate")
    sealed = [base64url.encode(one.sealed) for one in line.every(SigningKey)]
    shown = line.ok("key", "list", "--json") + line.ok("key", "list")
    assert "sealed" not in shown
    assert not any(one[:16] in shown for one in sealed)


def test_an_unknown_use_is_refused(line: Line) -> None:
    assert "'HS256' is not one of" in line.fails("key", "rotate", "--use", "HS256", status=2)


def test_the_master_key_may_come_from_the_environment(line: Line) -> None:
    line.ok("key", "rotate", VALETKEY_MASTER_KEY=KEY)
    assert not (line.folder / "valetkey.db.key").exists()
    told = line.fails("key", "rotate", status=2)
    assert "the master key valetkey.db.key is missing" in told
    assert "bring it back, or name it in VALETKEY_MASTER_KEY_FILE" in told
    (line.folder / "kept").write_text(KEY + "\n")
    (line.folder / "kept").chmod(0o600)
    line.ok("key", "rotate", VALETKEY_MASTER_KEY_FILE="kept")


def widen(file: Path) -> None:
    file.chmod(0o640)


def shorten(file: Path) -> None:
    file.write_text(KEY[:20])


def garble(file: Path) -> None:
    file.write_bytes(b"\xff" * 43)


def swap(file: Path) -> None:
    file.write_text(KEY)


def replace_by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir(mode=0o700)


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "open to the group": (widen, "(mode 0640): chmod 600 valetkey.db.key"),
    "too short": (shorten, "has 15 bytes; it should hold 32 bytes in base64url"),
    "no text": (garble, "is not text; it should hold 32 bytes in base64url"),
    "another one": (swap, "valetkey.db.key does not belong to valetkey.db"),
    "missing": (Path.unlink, "the master key valetkey.db.key is missing"),
    "a folder": (replace_by_folder, "cannot be read: Is a directory"),
}


@pytest.mark.parametrize("spoil,said", REFUSED.values(), ids=REFUSED)
def test_a_master_key_that_will_not_do(
    line: Line, spoil: Callable[[Path], None], said: str
) -> None:
    """ATTACKS A83: with a wrong master key nothing goes on."""
    line.ok("key", "rotate")
    before = line.every(SigningKey)
    spoil(line.folder / "valetkey.db.key")
    told = line.fails("key", "rotate", status=2)
    assert said in told
    assert KEY[:20] not in told
    assert line.every(SigningKey) == before


def test_a_master_key_of_the_environment_that_is_another(line: Line) -> None:
    line.ok("key", "rotate")
    told = line.fails("key", "rotate", status=2, VALETKEY_MASTER_KEY=KEY)
    assert "VALETKEY_MASTER_KEY does not belong to valetkey.db" in told


def test_a_master_key_that_cannot_be_made(line: Line) -> None:
    told = line.fails("key", "rotate", status=1, VALETKEY_MASTER_KEY_FILE="no/such/key")
    assert "the master key no/such/key cannot be created: No such file or directory" in told
    assert line.every(SigningKey) == ()


def test_a_revoked_key_is_gone_and_the_coming_one_signs(line: Line) -> None:
    line.ok("key", "rotate")
    current, coming = kids(line, "current"), kids(line, "coming")
    text = line.ok("key", "revoke", current["ES256"])
    assert current["ES256"] not in text
    assert kids(line, "current") == current | {"ES256": coming["ES256"]}
    assert kids(line, "coming")["ES256"] != coming["ES256"]
    (retiring,) = (
        one for one in line.every(SigningKey) if one.use == "ES256" and one.status == "retiring"
    )
    line.ok("key", "revoke", retiring.kid)
    assert statuses(line) == FRESH + Counter({("RS256", "retiring"): 1, ("seal", "retiring"): 1})
    line.ok("key", "revoke", kids(line, "coming")["RS256"])
    assert statuses(line) == FRESH + Counter({("RS256", "retiring"): 1, ("seal", "retiring"): 1})


def test_the_mac_key_is_revoked_by_a_second_word_alone(line: Line) -> None:
    line.ok("key", "rotate")
    mac = kids(line, "current")["mac"]
    assert "--yes" in line.fails("key", "revoke", mac, status=1)
    assert kids(line, "current")["mac"] == mac
    line.ok("key", "revoke", mac, "--yes")
    assert mac not in {one.kid for one in line.every(SigningKey)}


def test_what_cannot_be_revoked(line: Line) -> None:
    line.ok("key", "rotate")
    for kid in ("nothing", kids(line, "current")["salt"]):
        assert "not a key that can be revoked" in line.fails("key", "revoke", kid, status=1)
    assert len(kids(line, "current")) == 5
