"""Object storage as a place for the files of revocations: S3, and what speaks like it. Needs the
extra `aws`.

An object can't be appended to. So a file is written in parts, each an object of its own that is
written once: `7.revocations/1`, `7.revocations/2` and so on, with as many digits as sort well. All
lines that wait go into the next part together. A file that has ended becomes one object beside its
first part, which stays and keeps the number taken.
"""

import contextlib
import logging
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from valetkey.server.store.revocations.places import SUFFIX, PlaceFile

TIMEOUTS: Final = (2.0, 4.0)
"""Seconds to connect, and to wait for a part of an answer."""

MOST: Final = 8 << 20
"""Bytes that wait while the storage is away, and of a file."""

FEW_PARTS: Final = 4
"""A file with more parts than these becomes one object."""

READERS: Final = 16
"""Parts that are read at once."""

_NAME: Final = re.compile(rf"([0-9]{{8}}){re.escape(SUFFIX)}(?:/([0-9]{{8}}))?", re.ASCII)

_CHECK: Final = "check"
"""The object by which it is seen that none is written twice."""

_EXISTS: Final = frozenset({"PreconditionFailed", "412"})

_IGNORES: Final = (
    "it ignores If-None-Match, so nodes could overwrite each other's files: use a storage that "
    "keeps to it"
)

_FIXES: Final = {
    "AccessDenied": "refuses: allow s3:ListBucket on the bucket, s3:GetObject and s3:PutObject on "
    "what is in it",
    "NoSuchBucket": "has no such bucket: create it",
    "InvalidAccessKeyId": "does not accept the credentials of this server: renew them",
    "SignatureDoesNotMatch": "does not accept the credentials of this server: renew them",
    "ExpiredToken": "does not accept the credentials of this server: renew them",
    "PermanentRedirect": "has the bucket in another region",
    "AuthorizationHeaderMalformed": "has the bucket in another region",
}


class Existing(Exception):
    """There is such an object already."""


class BucketTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Which bucket, and how it is reached. `prefix` is "" or ends with a slash; `url` is "" for
    AWS."""

    name: str
    prefix: str = ""
    region: str = ""
    url: str = ""
    ca_file: Path | None = None


class BucketPlace:
    """A bucket, or what is in it below a prefix."""

    most = MOST
    longest = 3_600_000
    alive = 60_000

    def __init__(self, terms: BucketTerms) -> None:
        self._terms = terms
        self._lock = threading.Lock()
        self._made: Any = None

    def __str__(self) -> str:
        return f"s3://{self._terms.name}/{self._terms.prefix}".rstrip("/")

    # Objects.

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = _connect(self._terms)
            return self._made

    def call(self, method: str, **parameters: Any) -> Any:
        """The answer. Raises OSError, Existing."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - an extra

        try:
            return getattr(self._client(), method)(Bucket=self._terms.name, **parameters)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "no code"))
            if code in _EXISTS:
                raise Existing from error
            if code == "NoSuchKey":
                raise FileNotFoundError(f"the storage has no {parameters.get('Key')}") from error
            text = _FIXES.get(code, "refuses")
            raise OSError(f"the storage {text} ({_printable(code)})") from error
        except BotoCoreError as error:
            raise OSError(f"the storage cannot be reached: {_printable(str(error))}") from error

    def put(self, name: str, body: bytes) -> None:
        """Write an object that is not there yet. Raises OSError, Existing."""
        self.call("put_object", Key=self._terms.prefix + name, Body=body, IfNoneMatch="*")

    def put_once(self, name: str, body: bytes) -> None:
        """Write an object of this process's own. An earlier try may have arrived. Raises
        OSError."""
        try:
            self.put(name, body)
        except Existing as error:
            if self.get(name) != body:
                raise OSError(f"{name} was written by something else") from error

    def get(self, name: str) -> bytes:
        """What is in an object. Raises OSError."""
        answer = self.call("get_object", Key=self._terms.prefix + name)
        try:
            body: bytes = answer["Body"].read()
        except Exception as error:  # What urllib3 raises while it reads.
            raise OSError(f"the storage cannot be reached: {_printable(str(error))}") from error
        return body

    def remove(self, names: list[str]) -> None:
        """Remove objects, where that is allowed."""
        for start in range(0, len(names), 1000):
            keys = [{"Key": self._terms.prefix + one} for one in names[start : start + 1000]]
            self.call("delete_objects", Delete={"Objects": keys, "Quiet": True})

    def _objects(self, under: str = "") -> Iterator[tuple[str, int]]:
        """Names, and when each was written, in milliseconds since 1970."""
        more: dict[str, str] = {}
        while True:
            answer = self.call("list_objects_v2", Prefix=self._terms.prefix + under, **more)
            for one in answer.get("Contents", ()):
                at = int(one["LastModified"].timestamp() * 1000)
                yield one["Key"].removeprefix(self._terms.prefix), at
            if not answer.get("IsTruncated"):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    # Files.

    def _files(self) -> dict[int, tuple[int, int, bool]]:
        """By number: how many parts there are, when the last was written, and whether there is the
        whole."""
        files: dict[int, tuple[int, int, bool]] = {}
        for name, at in self._objects():
            match = _NAME.fullmatch(name)
            if match is None:
                continue
            parts, changed, is_whole = files.get(int(match[1]), (0, 0, False))
            last = max(parts, int(match[2] or 0))
            files[int(match[1])] = last, max(changed, at), is_whole or match[2] is None
        return dict(sorted(files.items()))

    def files(self) -> list[PlaceFile]:
        """The files, oldest first."""
        return [
            PlaceFile(number, f"{self}/{_whole(number)}", changed, is_whole)
            for number, (_, changed, is_whole) in self._files().items()
            if number
        ]

    def read(self, file: PlaceFile) -> BinaryIO:
        """What is in one."""
        whole = _whole(file.number)
        names = sorted(name for name, _ in self._objects(whole))
        if whole not in names:
            body = self._joined(names)
            # Its writer may have ended it meanwhile, and removed parts.
            if body is not None and all(name != whole for name, _ in self._objects(whole)):
                return BytesIO(body)
        return BytesIO(self.get(whole))

    def _joined(self, names: list[str]) -> bytes | None:
        """What is in these objects; None if one is gone."""
        try:
            with ThreadPoolExecutor(READERS) as pool:
                return b"".join(pool.map(self.get, names))
        except FileNotFoundError:
            return None

    def create(self, begin: Callable[[int], bytes]) -> "_BucketFile":
        """A new file with its first line."""
        self.check()
        number = max(self._files(), default=0) + 1
        while True:
            line = begin(number)
            try:
                self.put(_part(number, 1), line)
            except Existing:
                # By another process, or by a try of this one whose answer was lost.
                if self.get(_part(number, 1)) != line:
                    number += 1
                    continue
            return _BucketFile(self, number, line)

    def check(self) -> None:
        """Check that an object can be written, and none twice."""
        with contextlib.suppress(Existing):
            self.put(_CHECK, b"written once\n")
        try:
            self.put(_CHECK, b"written twice\n")
        except Existing:
            return
        raise OSError(f"the storage cannot be used: {_IGNORES}")


class _BucketFile:
    """A file that is written in parts. Lines wait in memory for the next one."""

    is_cut = False

    def __init__(self, bucket: BucketPlace, number: int, line: bytes) -> None:
        self.number = number
        self._bucket = bucket
        self._lock = threading.Lock()
        self._waiting: list[bytes] = []
        self._sending = b""
        self._sent = [line]
        self._size = 0

    def write(self, line: bytes) -> None:
        with self._lock:
            if self._size + len(line) > MOST:
                raise OSError("the storage is away, and too much waits for it")
            self._waiting.append(line)
            self._size += len(line)

    def sync(self) -> Callable[[], None]:
        return self._send

    def _send(self) -> None:
        # What was sent, and may have arrived, is sent again as it was.
        for _ in range(2):
            if not self._sending:
                with self._lock:
                    self._sending = b"".join(self._waiting)
                    self._waiting.clear()
            if not self._sending:
                return
            self._bucket.put_once(_part(self.number, len(self._sent) + 1), self._sending)
            with self._lock:
                self._size -= len(self._sending)
            self._sent.append(self._sending)
            self._sending = b""

    def close(self) -> None:
        self._send()
        if len(self._sent) > FEW_PARTS:
            self._bucket.put_once(_whole(self.number), b"".join(self._sent))
            # Not allowed where nothing may be removed: then a rule of the storage does it later.
            parts = [_part(self.number, one) for one in range(2, len(self._sent) + 1)]
            with contextlib.suppress(OSError):
                self._bucket.remove(parts)


def _whole(number: int) -> str:
    return f"{number:08d}{SUFFIX}"


def _part(number: int, part: int) -> str:
    return f"{_whole(number)}/{part:08d}"


def _printable(text: str, most: int = 160) -> str:
    line = " ".join(text.split())
    return "".join(one if one.isprintable() else "?" for one in line)[:most]


def _connect(terms: BucketTerms) -> Any:
    """A client, for several threads. Raises OSError."""
    import botocore.session  # noqa: PLC0415 - an extra
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    for name in ("botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
    connect, read = TIMEOUTS
    options: dict[str, Any] = {
        "region_name": terms.region or None,
        "endpoint_url": terms.url or None,
        "verify": None if terms.ca_file is None else str(terms.ca_file),
        "config": Config(
            connect_timeout=connect,
            read_timeout=read,
            retries={"total_max_attempts": 2},
            max_pool_connections=READERS,
            # As storages other than that of AWS have it.
            s3={"addressing_style": "path" if terms.url else "auto"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    }
    try:
        return botocore.session.get_session().create_client("s3", **options)
    except (BotoCoreError, ValueError) as error:
        raise OSError(f"the storage is not set up: {_printable(str(error))}") from error
