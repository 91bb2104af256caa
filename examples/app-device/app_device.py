"""A television, which has no browser, with requests. `python app_device.py`"""

import os

import requests

from valetkey.client import App, Key, MemoryStore, Waiting, device_and_ciba, raise_for_refusal
from valetkey.client.auth_requests import KeyAuth

app = App(issuer=os.environ["ISSUER"], client_id="tv", scope=("openid", "offline_access", "chirps"))


def show(waiting: Waiting) -> None:
    """What the screen says while the user says yes elsewhere."""
    print("Go to", waiting.address, "and type", waiting.code)
    print(device_and_ciba.terminal(waiting.complete))


def main() -> None:
    """Shows the timeline."""
    key = Key(app, MemoryStore())
    key.connect_by_code(show)
    with requests.Session() as api:
        api.auth = KeyAuth(key)
        answer = raise_for_refusal(api.get(f"{os.environ['API']}/chirps", timeout=10))
        print(len(answer.json()), "chirps")
    key.revoke()
    key.close()


if __name__ == "__main__":
    main()
