"""Huge pages for the memory of a server.

Python has its own allocator, whose memory comes in pages of 4 KiB; much of the time that a request
waits for memory, the processor looks up where such a page is. glibc can ask for pages of 2 MiB
(malloc(3), "tunables"). It reads that setting before a process begins, so a server restarts: the
same process, with the same arguments.

A server imports what runs before the restart twice, so keep that cheap.
"""

import os
import sys

PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"
"""Where Linux says whether it offers huge pages: `always [madvise] never`."""

MAPS = "/proc/self/maps"
"""Where Linux lists the memory of a process."""

HUGE = 2 << 20
"""Bytes of a huge page."""

COLLAPSE = 25
"""`MADV_COLLAPSE` of madvise(2), since Linux 6.1."""

MIN_GLIBC = (2, 35)
"""The first version of glibc that can ask for huge pages."""

HUGE_PAGES_ENV = {
    "PYTHONMALLOC": "malloc",
    # One heap for all threads, since one of them does nearly all the work; and enough cached blocks
    # of each size for the requests that take turns together (see server/http/fast/turns.py).
    "GLIBC_TUNABLES": ":".join(
        (
            "glibc.malloc.hugetlb=1",
            "glibc.malloc.arena_max=1",
            "glibc.malloc.tcache_count=127",
        )
    ),
}
"""The environment that asks for them. If either variable is set already, it stays."""


def restart_with_huge_pages() -> None:
    """Restarts this process if it gets huge pages by that. Otherwise does nothing."""
    environ = dict(os.environ)
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
        with open(PAGES, encoding="ascii") as file:
            pages = file.read()
        if sys.executable and has_use(environ, libc=libc, pages=pages):
            os.execve(sys.executable, sys.orig_argv, environ | HUGE_PAGES_ENV)  # noqa: S606 - its own arguments
    except (AttributeError, ValueError, OSError):
        return  # not Linux, not glibc, or not allowed


def has_use(environ: dict[str, str], *, libc: str, pages: str) -> bool:
    """Whether a restart helps: by the environment, the C library's name and version (`glibc 2.36`),
    and what Linux says about huge pages."""
    name, _, version = libc.partition(" ")
    return (
        HUGE_PAGES_ENV.keys().isdisjoint(environ)
        and name == "glibc"
        and tuple(int(part) for part in version.split(".")[:2]) >= MIN_GLIBC
        and "[never]" not in pages
    )


def collapse_heap() -> None:
    """Moves the heap of a forked process into huge pages of its own, if its parent has such. After
    a fork, what a process writes to is copied in small pages: so call this when it has written to
    most of its heap. Does nothing if Linux refuses."""
    if not HUGE_PAGES_ENV.items() <= dict(os.environ).items():
        return
    import ctypes  # noqa: PLC0415 - a server of one process needs none

    try:
        with open(MAPS, encoding="utf-8") as maps:
            heaps = [line.partition(" ")[0] for line in maps if line.endswith("[heap]\n")]
    except OSError:
        return  # not Linux, or not readable
    libc = ctypes.CDLL(None)
    for heap in heaps:
        first, end = (int(part, 16) for part in heap.split("-"))
        for at in range(-(-first // HUGE) * HUGE, end - HUGE + 1, HUGE):
            libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(HUGE), COLLAPSE)
