"""fastmcp's client, unchanged, in its default configuration: `auth="oauth"`. It opens the browser
that BROWSER names, and listens for the callback by itself."""

import asyncio
import json
import os

from fastmcp import Client


async def main() -> None:
    async with Client(os.environ["MCP"], auth="oauth") as client:
        tools = [one.name for one in await client.list_tools()]
        outcome: dict[str, object] = {"tools": tools}
        for name, arguments in json.loads(os.environ["CALLS"]):
            try:
                result = await client.call_tool(name, arguments)
                outcome[name] = {"content": str(result.data), "error": False}
            except Exception as error:
                outcome[name] = {"refused": str(error)}
        print("OUTCOME " + json.dumps(outcome), flush=True)


asyncio.run(main())
