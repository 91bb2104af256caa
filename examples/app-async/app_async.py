"""An app with tasks, which calls its API with aiohttp. `python app_async.py`"""

import asyncio
import os
from pathlib import Path

import aiohttp

from valetkey.client import App, AsyncKey, FileStore, raise_for_refusal
from valetkey.client.auth_aiohttp import KeyAuth

API = os.environ["API"]

app = App(
    issuer=os.environ["ISSUER"], client_id="stefapp", scope=("openid", "offline_access", "chirps")
)


async def main() -> None:
    """Ten calls at once; a key that has ended meanwhile is renewed once, for all of them."""
    key = AsyncKey(app, FileStore(Path("stefapp.json")))
    if await key.tokens() is None:
        await key.connect()
    async with aiohttp.ClientSession(middlewares=(KeyAuth(key),)) as api:

        async def read() -> int:
            async with api.get(f"{API}/chirps") as answer:
                raise_for_refusal(answer)
                return len(await answer.json())

        counts = await asyncio.gather(*[read() for _ in range(10)])
    print("ten times", *set(counts), "chirps")
    await key.aclose()


if __name__ == "__main__":
    asyncio.run(main())
