"""How a server gets its memory."""

import os
from pathlib import Path

import pytest
from tests.cli.line import Line
from tests.cli.test_serve import serving
from tests.live import free_port

from valetkey.cli import memory

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
        (memory.ASKED, GLIBC, THERE, False),
    ],
)
def test_huge_pages_are_asked_for_where_there_are_any_and_nobody_said_otherwise(
    environ: dict[str, str], libc: str, pages: str, asked: bool
) -> None:
    assert memory.helps(environ, libc=libc, pages=pages) is asked


def heap_is_huge(pid: int) -> bool:
    """Whether the kernel may use huge pages for the heap of a process (proc_pid_smaps(5), hg)."""
    _, _, told = Path(f"/proc/{pid}/smaps").read_text().partition("[heap]")
    flags = told.partition("VmFlags:")[2].partition("\n")[0]
    return "hg" in flags.split()


def test_a_server_begins_anew_as_the_same_process(line: Line) -> None:
    """It says what it always says, to whoever started it, and ends when it is told to."""
    there = Path(memory.PAGES)
    pages = there.read_text() if there.is_file() else "[never]"
    huge = memory.helps({}, libc=os.confstr("CS_GNU_LIBC_VERSION") or "", pages=pages)
    with serving("--port", str(free_port())) as (process, ready):
        assert ready.startswith("valetkey listens on ")
        assert heap_is_huge(process.pid) is huge
    with serving("--port", str(free_port()), PYTHONMALLOC="default") as (process, ready):
        assert ready.startswith("valetkey listens on ")
        assert not heap_is_huge(process.pid)
