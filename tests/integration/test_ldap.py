"""A113: passwords at a directory, with a real slapd.

Attack: A typed name changes the filter, an empty password binds, a referral leads the password
elsewhere, a disabled account signs in, or the answer or its time tells which names exist.
Defense: Names are escaped, empty passwords are refused before a bind, referrals are not followed,
and every refusal is the same. The directory's own id names the account, whatever else changes.
"""

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from tests.attacks.play import every, find
from tests.live import Live, free_port, live
from tests.outside import NAMES, write_authority
from tests.rows import row

from valetkey.cli.checks.sign_in import sign_in_checks
from valetkey.server.http.directory import Directory, DirectoryAway, DirectoryTerms
from valetkey.server.model.keys import Secret
from valetkey.server.model.user import Identity, User
from valetkey.server.settings import Settings
from valetkey.server.settings.other_systems import DirectorySettings
from valetkey.server.settings.ways import SignInSettings
from valetkey.spec.errors import TemporarilyUnavailable

# The library leaves a pair of sockets to the garbage collector for each connection.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

bonsai = pytest.importorskip("bonsai", reason="the extra `ldap` is not installed")
SLAPD = which("slapd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
if SLAPD is None:
    pytest.skip("slapd is not installed", allow_module_level=True)

BASE = "dc=chirp,dc=example"
READER = f"cn=reader,{BASE}"
WORD = "correct horse battery"
CREW = f"cn=crew,ou=groups,{BASE}"

SCHEMA = """
attributetype ( 1.3.6.1.4.1.99999.1 NAME 'userAccountControl' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.2 NAME 'objectGUID' EQUALITY octetStringMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.99999.3 NAME 'adUser' SUP top AUXILIARY
  MAY ( userAccountControl $ objectGUID ) )
"""

LDIF = f"""
dn: {BASE}
objectClass: dcObject
objectClass: organization
o: Chirp
dc: chirp

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{BASE}
objectClass: organizationalUnit
ou: groups

dn: {READER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: reader-word

dn: uid=ada,ou=people,{BASE}
objectClass: inetOrgPerson
objectClass: adUser
uid: ada
cn: Ada Lovelace
givenName: Ada
sn: Lovelace
mail: ada@chirp.example
userAccountControl: 512
objectGUID:: AAECAwQFBgcICQoLDA0O/w==
userPassword: {WORD}

dn: uid=ldap-miko,ou=people,{BASE}
objectClass: inetOrgPerson
uid: ldap-miko
cn: Miko of the directory
sn: Miko
userPassword: {WORD}

dn: uid=ldap-noor,ou=people,{BASE}
objectClass: inetOrgPerson
uid: ldap-noor
cn: Noor of the directory
sn: Noor
userPassword: {WORD}

dn: uid=off,ou=people,{BASE}
objectClass: inetOrgPerson
objectClass: adUser
uid: off
cn: Off
sn: Off
userAccountControl: 514
userPassword: {WORD}

dn: uid=twin,ou=people,{BASE}
objectClass: inetOrgPerson
uid: twin
cn: Twin
sn: Twin
userPassword: {WORD}

dn: uid=twin,ou=groups,{BASE}
objectClass: inetOrgPerson
uid: twin
cn: Twin
sn: Twin
userPassword: {WORD}

dn: uid=triplet,ou=people,{BASE}
objectClass: inetOrgPerson
uid: triplet
cn: Triplet
sn: Triplet
userPassword: {WORD}

dn: cn=2,uid=triplet,ou=people,{BASE}
objectClass: inetOrgPerson
uid: triplet
cn: 2
sn: Triplet
userPassword: {WORD}

dn: cn=3,uid=triplet,ou=people,{BASE}
objectClass: inetOrgPerson
uid: triplet
cn: 3
sn: Triplet
userPassword: {WORD}

dn: {CREW}
objectClass: groupOfNames
cn: crew
member: uid=ada,ou=people,{BASE}

dn: uid=away,ou=people,{BASE}
objectClass: referral
objectClass: extensibleObject
uid: away
ref: ldap://127.0.0.1:9/uid=away,dc=evil,dc=example
"""


class Slapd:
    """A running directory: plain, with StartTLS, and over TLS."""

    def __init__(self, folder: Path) -> None:
        self.ca, certificate, key = write_authority(folder, NAMES)
        (folder / "data").mkdir()
        (folder / "ad.schema").write_text(SCHEMA)
        config = folder / "slapd.conf"
        schemas = "".join(
            f"include /etc/ldap/schema/{one}.schema\n"
            for one in ("core", "cosine", "inetorgperson")
        )
        config.write_text(
            f"{schemas}include {folder}/ad.schema\n"
            "modulepath /usr/lib/ldap\nmoduleload back_mdb\n"
            f"pidfile {folder}/slapd.pid\n"
            f"TLSCACertificateFile {self.ca}\nTLSCertificateFile {certificate}\n"
            f"TLSCertificateKeyFile {key}\n"
            f'database mdb\nsuffix "{BASE}"\ndirectory {folder}/data\n'
            f"access to attrs=userPassword by anonymous auth by * none\n"
            f'access to * by dn.exact="{READER}" read by * none\n'
        )
        ldif = folder / "tree.ldif"
        ldif.write_text(LDIF.lstrip())
        subprocess.run(
            ["/usr/sbin/slapadd", "-f", config, "-l", ldif], check=True, capture_output=True
        )
        self.port, self.tls_port = free_port(), free_port()
        # OpenLDAP takes the machine's own name for localhost.
        self.url = f"ldap://127.0.0.1:{self.port}"
        self.tls_url = f"ldaps://127.0.0.1:{self.tls_port}"
        self.config = config
        self.start()

    def start(self) -> None:
        addresses = f"ldap://127.0.0.1:{self.port}/ ldaps://127.0.0.1:{self.tls_port}/"
        self.process = subprocess.Popen(
            [str(SLAPD), "-d", "0", "-f", self.config, "-h", addresses],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for port in (self.port, self.tls_port):
            self._await(port)

    def _await(self, port: int) -> None:
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def terms(self, **changed: object) -> DirectoryTerms:
        fields: dict[str, object] = {
            "url": self.url,
            "source": "directory",
            "base": BASE,
            "filter": "(uid={username})",
            "bind_dn": READER,
            "bind_password": Secret("reader-word"),
            "claims": {"name": "cn", "email": "mail"},
            **changed,
        }
        return DirectoryTerms(**fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    running = Slapd(tmp_path_factory.mktemp("slapd"))
    try:
        yield running
    finally:
        running.stop()


def check(terms: DirectoryTerms, name: str, word: str = WORD) -> str:
    """The name of the user, or "" for none."""
    user = asyncio.run(Directory(terms).check(name, Secret(word)))
    return "" if user is None else user.profile.claims["name"]


NAMES_AND_WORDS = [
    row("A113", "the right password", "ada", WORD, "Ada Lovelace"),
    row("A113", "capitals", "ADA", WORD, "Ada Lovelace"),
    row("A113", "a wrong password", "ada", "wrong", ""),
    row("A113", "no password", "ada", "", ""),
    row("A113", "a zero byte", "ada", "\x00", ""),
    row("A113", "nobody", "nobody", WORD, ""),
    row("A113", "everybody", "*", WORD, ""),
    row("A113", "a part", "ad*", WORD, ""),
    row("A113", "an injected or", "x)(|(uid=ada)", WORD, ""),
    row("A113", "an injected end", "ada)(cn=*", WORD, ""),
    row("A113", "a backslash", "ada\\", WORD, ""),
    row("A113", "two entries", "twin", WORD, ""),
    row("A113", "three entries", "triplet", WORD, ""),
    row("A113", "disabled in Active Directory", "off", WORD, ""),
    row("A113", "a referral", "away", WORD, ""),
    row("A113", "too long", "a" * 300, WORD, ""),
]


@pytest.mark.parametrize("name,word,expected", NAMES_AND_WORDS)
def test_names_and_passwords(slapd: Slapd, name: str, word: str, expected: str) -> None:
    assert check(slapd.terms(), name, word) == expected


def test_groups(slapd: Slapd) -> None:
    assert check(slapd.terms(groups=(CREW,)), "ada") == "Ada Lovelace"
    assert check(slapd.terms(groups=(f"cn=none,{BASE}",)), "ada") == ""
    assert check(slapd.terms(groups=(f"cn=none,{BASE}", CREW)), "ada") == "Ada Lovelace"


@pytest.mark.parametrize("start_tls", [True, False])
def test_tls_is_checked(slapd: Slapd, tmp_path: Path, start_tls: bool) -> None:
    url = slapd.url if start_tls else slapd.tls_url
    terms = slapd.terms(url=url, start_tls=start_tls, ca_file=str(slapd.ca))
    assert check(terms, "ada") == "Ada Lovelace"
    other, _, _ = write_authority(tmp_path, NAMES)
    with pytest.raises(TemporarilyUnavailable):
        check(slapd.terms(url=url, start_tls=start_tls, ca_file=str(other)), "ada")


def test_the_id_is_the_directorys_own(slapd: Slapd) -> None:
    user = asyncio.run(Directory(slapd.terms()).check("ada", Secret(WORD)))
    assert user is not None
    assert len(user.subject) == 36
    terms = slapd.terms(id_attribute="objectGUID")
    in_ad = asyncio.run(Directory(terms).check("ada", Secret(WORD)))
    assert in_ad is not None
    assert in_ad.subject == "000102030405060708090a0b0c0d0eff"


SILENT = [
    row("A113", "nobody listens", {"url": "ldap://127.0.0.1:9"}, "Can't contact LDAP server"),
    row(
        "A113",
        "the reader's password is wrong",
        {"bind_password": Secret("not-the-word")},
        "AuthenticationError: Invalid credentials",
    ),
]


@pytest.mark.parametrize("changed,says", SILENT)
def test_a_directory_that_does_not_answer(
    slapd: Slapd, caplog: pytest.LogCaptureFixture, changed: dict[str, object], says: str
) -> None:
    with pytest.raises(DirectoryAway):
        check(slapd.terms(**changed), "ada")
    (record,) = caplog.records
    assert says in record.__dict__["details"]["detail"]
    assert WORD not in str(record.__dict__)
    assert "not-the-word" not in str(record.__dict__)


def test_a_silent_directory_holds_nobody_for_long(slapd: Slapd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ldap://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(TemporarilyUnavailable):
            check(slapd.terms(url=url), "ada")
        assert time.monotonic() - began < 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, slapd: Slapd) -> Iterator[Live]:
    ldap = DirectorySettings(
        url=slapd.url, base=BASE, bind_dn=READER, bind_password=Secret("reader-word")
    )
    folder = tmp_path_factory.mktemp("server")
    with live(folder, sign_in=SignInSettings(ldap=ldap)) as running:
        yield running


def test_a_user_signs_in_at_the_form_and_stays_the_same(server: Live) -> None:
    for name in ("ada", "Ada"):
        browser = server.browser()
        browser.open("/sign-in")
        browser.sign_in(name, WORD)
        assert browser.page.url.path == "/apps", browser.page.text
    (identity,) = (one for one in every(server, Identity) if one.source == "directory")
    user = find(server, User, identity.user)
    assert (user.claims["name"], user.email, user.email_verified, user.password) == (
        "Ada Lovelace",
        "ada@chirp.example",
        False,
        "",
    )
    assert user.username.endswith(":ada")


def test_refusals_are_alike(server: Live) -> None:
    """Of a wrong password at the directory, of an unknown name, of a disabled entry, and of an
    account here."""
    texts = set()
    for name in ("ada", "nobody", "off", "miko"):
        browser = server.browser()
        browser.open("/sign-in")
        began = time.monotonic()
        browser.sign_in(name, "wrong password")
        assert time.monotonic() - began >= 1.0
        assert browser.page.status_code == 400
        texts.add(browser.page.text.partition('role="alert"')[2].partition("</")[0])
    assert len(texts) == 1


def test_an_account_here_keeps_its_password(server: Live) -> None:
    browser = server.browser()
    browser.open("/sign-in")
    browser.sign_in("miko")
    assert browser.page.url.path == "/apps"


def test_an_outage_is_no_wrong_password(tmp_path: Path) -> None:
    (tmp_path / "slapd").mkdir()
    directory = Slapd(tmp_path / "slapd")
    ldap = DirectorySettings(
        url=directory.url, base=BASE, bind_dn=READER, bind_password=Secret("reader-word")
    )
    with live(tmp_path, sign_in=SignInSettings(ldap=ldap)) as running:
        browser = running.browser()

        def sign_in(name: str, word: str = WORD) -> int:
            browser.open("/sign-in")
            browser.sign_in(name, word)
            return browser.page.status_code

        directory.stop()
        assert {sign_in(name, "wrong") for name in ("ada", "miko") * 8} == {503}
        directory.start()
        assert sign_in("ada") == 200
        assert browser.page.url.path == "/apps"


DOCTOR = [
    row("doctor", "all is well", {}, "ok", "answers"),
    row("doctor", "a wrong word", {"bind_password": Secret("no")}, "fail", "check bind_dn"),
    row("doctor", "no such base", {"base": "dc=no"}, "fail", "check base"),
    row("doctor", "no such attribute", {"id_attribute": "objectSid"}, "fail", "id_attribute"),
    row("doctor", "nobody listens", {"url": "ldap://127.0.0.1:9"}, "fail", "nobody listens"),
    row("doctor", "no such host", {"url": "ldaps://x.invalid"}, "fail", "has no address"),
]


@pytest.mark.parametrize("changed,verdict,says", DOCTOR)
def test_the_doctor(slapd: Slapd, changed: dict[str, object], verdict: str, says: str) -> None:
    found, said = doctor(slapd, **changed)
    assert found == verdict, said
    assert says in said


def doctor(slapd: Slapd, **changed: object) -> tuple[str, str]:
    fields: dict[str, Any] = {
        "url": slapd.url,
        "base": BASE,
        "bind_dn": READER,
        "bind_password": Secret("reader-word"),
        **changed,
    }
    settings = Settings(
        issuer="https://login.example", sign_in=SignInSettings(ldap=DirectorySettings(**fields))
    )
    ((name, verdict, says),) = sign_in_checks(settings)
    assert name == "directory"
    assert "reader-word" not in says
    return verdict, says


@pytest.mark.parametrize("start_tls", [True, False])
def test_the_doctor_about_tls(slapd: Slapd, tmp_path: Path, *, start_tls: bool) -> None:
    url = slapd.url if start_tls else slapd.tls_url
    at = {"url": url, "start_tls": start_tls}
    assert doctor(slapd, **at, ca_file=slapd.ca)[0] == "ok"
    other, _, _ = write_authority(tmp_path, NAMES)
    assert "its certificate is refused: " in doctor(slapd, **at, ca_file=other)[1]
    if not start_tls:
        plain = slapd.url.replace("ldap:", "ldaps:")
        assert "TLS fails" in doctor(slapd, url=plain, ca_file=slapd.ca)[1]
        here = url.replace("127.0.0.1", "localhost")
        assert "write 127.0.0.1" in doctor(slapd, url=here, ca_file=slapd.ca)[1]


def test_the_doctor_waits_for_nobody(slapd: Slapd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        url = f"ldap://127.0.0.1:{silent.getsockname()[1]}"
        assert "does not answer as it should" in doctor(slapd, url=url)[1]
        assert time.monotonic() - began < 20
