"""How a server allocates its memory."""

import ctypes
import mmap
import os
import platform
from pathlib import Path

import pytest
from tests.cli.line import Line
from tests.cli.test_serve import serving
from tests.cli.test_workers import crew, workers
from tests.live import free_port
from tests.rows import row

from valetkey.cli import memory
from valetkey.cli.root import valetkey

LINUX = tuple(int(part) for part in platform.release().split(".")[:2])
GLIBC = "glibc 2.36"
THERE = "always [madvise] never\n"


@pytest.mark.parametrize(
    "environ, libc, pages, asked",
    [
        ({}, GLIBC, THERE, True),
        ({}, "glibc 2.35", "[always] madvise never\n", True),
        ({}, "glibc 3.0", THERE, True),
        ({}, "glibc 2.40.9000", THERE, True),
        ({}, "glibc 2.34", THERE, False),
        ({}, "musl 2.36", THERE, False),
        ({}, "", THERE, False),
        ({}, GLIBC, "always madvise [never]\n", False),
        ({"PYTHONMALLOC": "pymalloc"}, GLIBC, THERE, False),
        ({"GLIBC_TUNABLES": "glibc.malloc.check=3"}, GLIBC, THERE, False),
        (memory.HUGE_PAGES_ENV, GLIBC, THERE, False),
    ],
)
def test_huge_pages_are_asked_for_where_there_are_any_and_nobody_said_otherwise(
    environ: dict[str, str], libc: str, pages: str, asked: bool
) -> None:
    assert memory.has_use(environ, libc=libc, pages=pages) is asked


class Restarted(Exception):
    """A process would restart here."""


LINES = [
    row("restart", "serve", "serve", True),
    row("restart", "options before it", "--json --set name=serve serve", True),
    row("restart", "guard", "guard guard.toml", True),
    row("restart", "a client of that name", "client show guard", False),
    row("restart", "a policy of that name", "apply serve", False),
    row("restart", "the value of an option", "--set serve config", False),
    row("restart", "no command of that name", "doctor serve", False),
]


@pytest.mark.parametrize("words, restarts", LINES)
def test_only_a_server_restarts(
    words: str, restarts: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever else a line holds."""

    def restart() -> None:
        raise Restarted

    monkeypatch.setattr(memory, "restart_with_huge_pages", restart)
    monkeypatch.setattr(valetkey, "may_restart", True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Restarted if restarts else SystemExit):
        valetkey(words.split(), prog_name="valetkey")


def heap(pid: int, name: str) -> list[str]:
    """What the kernel says by that name of all pieces of a process's heap (proc_pid_smaps(5))."""
    _, *pieces = Path(f"/proc/{pid}/smaps").read_text().split("[heap]\n")
    told = [piece.partition(f"{name}:")[2].partition("\n")[0] for piece in pieces]
    return " ".join(told).split()


def huge(pid: int) -> float:
    """The share of the heap that is in huge pages."""
    in_all, in_huge = (sum(map(int, heap(pid, one)[::2])) for one in ("Rss", "AnonHugePages"))
    return in_huge / in_all


def are_huge_pages_had() -> bool:
    there = Path(memory.PAGES)
    pages = there.read_text() if there.is_file() else "[never]"
    return memory.has_use({}, libc=os.confstr("CS_GNU_LIBC_VERSION") or "", pages=pages)


def are_huge_pages_left() -> bool:
    """Whether Linux now has so many in one piece as a few workers need. Where memory is full of
    other work it may have none."""
    most = 64 * memory.HUGE
    libc = ctypes.CDLL(None)
    with mmap.mmap(-1, most, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as region:
        region.write(bytes(most))
        held = ctypes.c_char.from_buffer(region)
        first = -(-ctypes.addressof(held) // memory.HUGE) * memory.HUGE
        wanted = ctypes.c_size_t(most - memory.HUGE)
        refused = libc.madvise(ctypes.c_void_p(first), wanted, memory.COLLAPSE)
        del held
    return not refused


def test_a_server_begins_anew_as_the_same_process(line: Line) -> None:
    """It says what it always says, to whoever started it; and as it was told to, where it was."""
    with serving("--port", str(free_port())) as (process, ready):
        assert ready.startswith("valetkey listens on ")
        assert ("hg" in heap(process.pid, "VmFlags")) is are_huge_pages_had()
    with serving("--port", str(free_port()), PYTHONMALLOC="default") as (process, ready):
        assert ready.startswith("valetkey listens on ")
        assert "hg" not in heap(process.pid, "VmFlags")


def test_each_worker_has_huge_pages_of_its_own(line: Line) -> None:
    with crew() as (parent, _):
        found = {huge(one) > 0.5 for one in workers(parent)}
    if not are_huge_pages_had() or LINUX < (6, 1):
        assert found == {False}
    elif found != {True} and not are_huge_pages_left():
        pytest.skip("Linux has no huge pages left")
    else:
        assert found == {True}


def test_workers_are_left_alone_where_nothing_was_asked_for(line: Line) -> None:
    with crew(PYTHONMALLOC="malloc") as (parent, _):
        assert not any(huge(one) for one in workers(parent))


def test_a_worker_begins_where_nothing_says_what_memory_it_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Anybody may set these words, on a machine without /proc as well."""
    monkeypatch.setattr(memory, "MAPS", str(tmp_path / "none"))
    for name, value in memory.HUGE_PAGES_ENV.items():
        monkeypatch.setenv(name, value)
    memory.collapse_heap()


def test_what_an_api_is_told_to_set_is_what_a_server_sets() -> None:
    told = Path(__file__).parents[2] / "docs" / "howto" / "protect-an-api.md"
    words = " ".join(f"{name}={value}" for name, value in memory.HUGE_PAGES_ENV.items())
    assert f"export {words}\n" in told.read_text()
