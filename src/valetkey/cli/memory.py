"""A server asks for its memory in huge pages.

Python has its own allocator, whose memory comes in pages of 4 KiB; much of the time that a request
waits for memory, the processor looks up where such a page is. glibc asks for pages of 2 MiB where
it is told to (malloc(3), "tunables"), which has to be before a process begins: so a server begins
anew, as the same process with the same words.

Nothing is imported here that costs time, for a server pays for it twice.
"""

import os
import sys

PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"
"""Where Linux says whether it has any: `always [madvise] never`."""

MAPS = "/proc/self/maps"
"""Where Linux says what a process has of memory."""

HUGE = 2 << 20
"""Bytes of a huge page."""

COLLAPSE = 25
"""`MADV_COLLAPSE` of madvise(2), since Linux 6.1."""

SINCE = (2, 35)
"""The first version of glibc that knows how to."""

ASKED = {
    "PYTHONMALLOC": "malloc",
    # One heap for all threads, since one of them does nearly all; and enough pieces of each size at
    # hand for the requests that go together (see server/http/fast/turns.py).
    "GLIBC_TUNABLES": ":".join(
        (
            "glibc.malloc.hugetlb=1",
            "glibc.malloc.arena_max=1",
            "glibc.malloc.tcache_count=127",
        )
    ),
}
"""What the environment says then. Where it says either already, that counts."""


def begin_anew() -> None:
    """Begins this process anew where it gets huge pages by that. Else does nothing."""
    environ = dict(os.environ)
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
        with open(PAGES, encoding="ascii") as told:
            pages = told.read()
        if sys.executable and helps(environ, libc=libc, pages=pages):
            os.execve(sys.executable, sys.orig_argv, environ | ASKED)  # noqa: S606 - its own words
    except (AttributeError, ValueError, OSError):
        return  # not Linux, not glibc, or not allowed


def helps(environ: dict[str, str], *, libc: str, pages: str) -> bool:
    """Whether to ask changes anything: by the environment, the C library's name and version
    (`glibc 2.36`), and what Linux says of huge pages."""
    name, _, version = libc.partition(" ")
    return (
        ASKED.keys().isdisjoint(environ)
        and name == "glibc"
        and tuple(int(part) for part in version.split(".")[:2]) >= SINCE
        and "[never]" not in pages
    )


def gather() -> None:
    """Moves this process's heap into huge pages of its own, where it had such before a fork. After
    that its pages are its parent's, and what it writes to is copied by small ones: so this is for
    when most has been written to. Does nothing where Linux will not."""
    if not ASKED.items() <= dict(os.environ).items():
        return
    import ctypes  # noqa: PLC0415 - needless in a server of one process

    try:
        with open(MAPS, encoding="utf-8") as maps:
            heaps = [line.partition(" ")[0] for line in maps if line.endswith("[heap]\n")]
    except OSError:
        return  # not Linux, or not shown here
    libc = ctypes.CDLL(None)
    for heap in heaps:
        first, end = (int(part, 16) for part in heap.split("-"))
        for at in range(-(-first // HUGE) * HUGE, end - HUGE + 1, HUGE):
            libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(HUGE), COLLAPSE)
