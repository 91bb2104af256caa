"""`python -m valetkey.demo.stefapp`: stefApp as a program, recorded from its first byte."""

import argparse
from pathlib import Path

from valetkey.demo import tap


def main() -> None:
    """Serves the window until it is told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--window", required=True, help="Its own address, with its secret path.")
    parser.add_argument("--api", required=True, help="Where Chirp is.")
    parser.add_argument("--issuer", required=True, help="The authorization server.")
    parser.add_argument("--tokens", type=Path, required=True, help="The file for its tokens.")
    parser.add_argument("--backend", required=True, help="Where stefApp's own server is.")
    parser.add_argument("--tape", type=Path, required=True, help="The file for the recording.")
    options = parser.parse_args()
    tap.record(options.tape)
    # Only now: what is imported here makes sockets.
    from valetkey.demo.stefapp.program import serve  # noqa: PLC0415

    serve(
        window=options.window,
        api=options.api,
        issuer=options.issuer,
        tokens=options.tokens,
        backend=options.backend,
    )


main()
