"""`python -m valetkey.demo.chirp`: Chirp as a program, in the folder that holds its files."""

import argparse
from pathlib import Path

import uvicorn

from valetkey.demo.chirp.api import create
from valetkey.demo.chirp.records import Records, seed
from valetkey.resource import ResourceServer


def main() -> None:
    """Serves until it is told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--issuer", required=True, help="The authorization server.")
    parser.add_argument("--miko", required=True, help="Miko's id, as tokens have it.")
    options = parser.parse_args()
    server = ResourceServer(
        issuer=options.issuer,
        catalog="catalog.toml",
        credentials=("chirp", Path("chirp.secret").read_text("utf-8").strip()),
        live="follow",
    )
    records = Records(Path("chirp.db"))
    seed(records, miko=options.miko)
    uvicorn.run(
        create(records, server), host="127.0.0.1", port=options.port, access_log=False, ws="none"
    )


main()
