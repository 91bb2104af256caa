"""The Flask example in workers that are forked, as pre-forking servers do: each says what it got.
`python forking.py before` sends a request before the fork too."""

import os
import sys

import msgspec
from embedded_flask import app

PATH = "/oauth/.well-known/openid-configuration"
CHILDREN = 2


def ask() -> str:
    try:
        return str(app.test_client().get(PATH).status_code)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def main(when: str) -> None:
    app.testing = True
    results = [ask()] if when == "before" else []
    for _ in range(CHILDREN):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(write, ask().encode())
            os._exit(0)
        os.close(write)
        results.append(os.read(read, 10_000).decode())
        os.waitpid(child, 0)
        os.close(read)
    print(msgspec.json.encode(results).decode())


if __name__ == "__main__":
    main(sys.argv[1])
