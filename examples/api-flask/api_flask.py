"""An API in Flask. `flask --app api_flask run`"""

import os
from pathlib import Path

from flask import Flask, Request, abort, g, jsonify, request
from flask.typing import ResponseReturnValue

from valetkey.resource import ResourceServer
from valetkey.resource.flask import Needs, publish

CATALOG = Path(__file__).parent.parent / "catalog.toml"

server = ResourceServer(
    issuer=os.environ["ISSUER"],
    catalog=CATALOG,
    credentials=("chirp", os.environ["CHIRP_SECRET"]),
    live="follow",
    certificate_proxies=os.environ.get("PROXIES", "").split(),
)
needs = Needs(server)
app = Flask(__name__)
publish(app, server)

chirps: list[str] = []


@app.get("/chirps")
@needs("chirps.read")
def read() -> ResponseReturnValue:
    return jsonify(chirps)


@app.post("/chirps")
@needs("chirps.write")
def write() -> ResponseReturnValue:
    chirps.append(field(request, "text"))
    return {"by": g.principal.sub, "with": g.principal.client_id}, 201


def how_much(request: Request) -> str:
    return field(request, "amount")


@app.post("/tips")
@needs("tips.send", spend=how_much)
def tip() -> ResponseReturnValue:
    return {"sent": how_much(request)}


@app.delete("/account")
@needs("account.close", max_age=300)
def close() -> ResponseReturnValue:
    return {"closed": g.principal.sub}


def field(request: Request, name: str) -> str:
    try:
        return str(request.get_json()[name])
    except (LookupError, TypeError):
        abort(400, f"{name} is missing")
