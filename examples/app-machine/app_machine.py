"""A program at night, which acts for itself and signs that it is itself. `python app_machine.py`"""

import os
from pathlib import Path

import httpx2

from valetkey.client import App, Machine, raise_for_refusal
from valetkey.jose.jwk import from_der

app = App(
    issuer=os.environ["ISSUER"],
    client_id="night",
    private_key=from_der("ES256", Path(os.environ["PRIVATE_KEY"]).read_bytes()),
    scope=("chirps",),
)


def main() -> None:
    """Counts the chirps."""
    night = Machine(app)
    with httpx2.Client(auth=night.auth()) as api:
        answer = raise_for_refusal(api.get(f"{os.environ['API']}/chirps"))
        print(len(answer.json()), "chirps")
    night.close()


if __name__ == "__main__":
    main()
