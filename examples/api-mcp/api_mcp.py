"""An MCP server, whose tools are opened by keys. `uvicorn api_mcp:app`"""

import os
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer

from valetkey.resource import ResourceServer
from valetkey.resource.mcp import McpGuard, caller

CATALOG = Path(__file__).parent.parent / "catalog.toml"

server = ResourceServer(
    issuer=os.environ["ISSUER"],
    catalog=CATALOG,
    credentials=("chirp", os.environ["CHIRP_SECRET"]),
    live="follow",
    certificate_proxies=os.environ.get("PROXIES", "").split(),
)
guard = McpGuard(server)
mcp = MCPServer("Chirp", token_verifier=guard, auth=guard.settings())

chirps: list[str] = []


@mcp.tool()
@guard.needs("chirps.read")
def read() -> list[str]:
    """The timeline."""
    return chirps


@mcp.tool()
@guard.needs("chirps.write")
def write(text: str) -> dict[str, str]:
    """Posts a chirp."""
    chirps.append(text)
    return {"by": caller().sub, "with": caller().client_id}


def how_much(arguments: dict[str, Any]) -> str:
    return str(arguments["amount"])


@mcp.tool()
@guard.needs("tips.send", spend=how_much)
async def tip(amount: str) -> dict[str, str]:
    """Sends a tip."""
    return {"sent": amount}


@mcp.tool()
@guard.needs("account.close", max_age=300)
async def close() -> dict[str, str]:
    """Closes the account."""
    return {"closed": caller().sub}


app = guard.around(mcp.streamable_http_app(stateless_http=True, json_response=True))
