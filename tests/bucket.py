"""A bucket on this machine: S3 as moto plays it."""

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from moto.server import ThreadedMotoServer
from tests.custody import CREDENTIALS, REGION, Wire

from valetkey.server.settings.revocations import BucketSettings
from valetkey.server.store.revocations.bucket import BucketPlace, BucketTerms

PREFIX = "valetkey/"

_numbers = itertools.count(1)


class Bucket:
    """A bucket of its own. `wire` leads to it."""

    def __init__(self, port: int, name: str = "") -> None:
        self.port = port
        self.name = name or f"revocations-{next(_numbers)}"
        self.wire = Wire(port)
        self.client: Any = botocore.session.get_session().create_client(
            "s3",
            region_name=REGION,
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="testing",
            aws_secret_access_key="testing-secret",
        )
        where = {"LocationConstraint": REGION}
        self.client.create_bucket(Bucket=self.name, CreateBucketConfiguration=where)
        self.settings = BucketSettings(
            name=self.name, prefix=PREFIX, region=REGION, url=self.wire.url
        )

    def place(self) -> BucketPlace:
        """The place, as a process has it."""
        terms = BucketTerms(name=self.name, prefix=PREFIX, region=REGION, url=self.wire.url)
        return BucketPlace(terms)

    def environ(self) -> dict[str, str]:
        """What a command is told of it."""
        return CREDENTIALS | {
            "VALETKEY_REVOCATIONS_BUCKET__NAME": self.name,
            "VALETKEY_REVOCATIONS_BUCKET__PREFIX": PREFIX,
            "VALETKEY_REVOCATIONS_BUCKET__REGION": REGION,
            "VALETKEY_REVOCATIONS_BUCKET__URL": self.wire.url,
        }

    def names(self) -> list[str]:
        """What is in it, but for the object of the check."""
        listed = self.client.list_objects_v2(Bucket=self.name).get("Contents", ())
        names = (one["Key"].removeprefix(PREFIX) for one in listed)
        return sorted(name for name in names if name != "check")

    def get(self, name: str) -> bytes:
        body: bytes = self.client.get_object(Bucket=self.name, Key=PREFIX + name)["Body"].read()
        return body

    def put(self, name: str, body: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=PREFIX + name, Body=body)

    def delete(self, name: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=PREFIX + name)

    def copied(self) -> "Bucket":
        """Another bucket, with what is in this one now."""
        other = Bucket(self.port)
        for name in (*self.names(), "check"):
            with contextlib.suppress(self.client.exceptions.NoSuchKey):
                other.put(name, self.get(name))
        return other


@contextlib.contextmanager
def storage() -> Iterator[int]:
    """S3, on a port of its own, with credentials in the environment of this process."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        try:
            yield server.get_host_and_port()[1]
        finally:
            server.stop()
