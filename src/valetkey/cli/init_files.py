"""The files that `valetkey init` writes."""

import json
import os
from collections.abc import Mapping
from typing import Final

STATE: Final = "/var/lib/valetkey"
"""Where systemd keeps the state of the service."""

COMPOSE_USER: Final = 65532
"""The user of the image."""

COMPOSE_SUBNET: Final = "172.30.86.0/24"
HOST_OF_COMPOSE: Final = "172.30.86.1"
"""The machine itself, as containers of the compose file see it."""


def toml(settings: Mapping[str, object]) -> str:
    """The settings as TOML: text, numbers, and lists of text."""
    # A basic string of TOML is a string of JSON.
    lines = (f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    return "# `valetkey config schema` lists all settings.\n" + "".join(lines)


def unit_file(folder: str, *, has_url: bool, program: str) -> str:
    """The systemd unit, for the settings in this folder. `has_url`: the database's URL is a secret
    in it."""
    secrets = ["master.key", "database.url"] if has_url else ["master.key"]
    loads = "\n".join(f"LoadCredential={name}:{folder}/{name}" for name in secrets)
    url = "\nEnvironment=VALETKEY_DATABASE_FILE=%d/database.url" if has_url else ""
    return (
        _UNIT.replace("@FOLDER@", folder)
        .replace("@LOADS@", loads + url)
        .replace("@PROGRAM@", program)
    )


_UNIT: Final = """\
[Unit]
Description=valetkey authorization server
Wants=network-online.target
After=network-online.target postgresql.service

[Service]
Type=notify
ExecStart=@PROGRAM@ serve --config @FOLDER@/valetkey.toml
# The shell's own kill: not every system has another.
ExecReload=/bin/sh -c 'kill -HUP $MAINPID'
Restart=on-failure
WatchdogSec=30
# The start migrates the schema.
TimeoutStartSec=10min
# More than the 15 seconds of a stop, and drain_seconds.
TimeoutStopSec=60

# Secrets are handed over by systemd: the service itself can read no file of root's.
@LOADS@
Environment=VALETKEY_MASTER_KEY_FILE=%d/master.key

DynamicUser=yes
StateDirectory=valetkey
StateDirectoryMode=0700
WorkingDirectory=%S/valetkey
UMask=0077
LimitNOFILE=65536
LimitCORE=0

CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
PrivateUsers=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
DevicePolicy=closed

[Install]
WantedBy=multi-user.target
"""


def compose_file(owner: str, *, port: int) -> str:
    """The compose file. Its containers run as the owner of the files with secrets: the user of this
    process, or the image's own user if that is root."""
    uid, gid = os.geteuid(), os.getegid()
    user = f"{COMPOSE_USER}:{COMPOSE_USER}" if uid == 0 else f"{uid}:{gid}"
    text = _COMPOSE.replace("@USER@", user).replace("@PORT@", str(port))
    # A $ is compose's own.
    return text.replace("@OWNER@", json.dumps(owner).replace("$", "$$")).replace(
        "@SUBNET@", COMPOSE_SUBNET
    )


_COMPOSE: Final = """\
# valetkey with PostgreSQL: docker compose up --detach --wait
name: valetkey

x-valetkey: &valetkey
  image: localhost/valetkey:latest
  user: "@USER@"
  read_only: true
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  networks: [inside]
  environment:
    VALETKEY_CONFIG: /etc/valetkey/valetkey.toml

services:
  database:
    image: docker.io/library/postgres:17
    restart: unless-stopped
    networks: [inside]
    environment:
      POSTGRES_USER: valetkey
      POSTGRES_DB: valetkey
      POSTGRES_PASSWORD_FILE: /run/secrets/postgres.password
    volumes:
      - database:/var/lib/postgresql/data
      - ./postgres.password:/run/secrets/postgres.password:ro
    healthcheck:
      test: [CMD, pg_isready, --username=valetkey, --dbname=valetkey, --host=127.0.0.1]
      interval: 2s
      timeout: 5s
      retries: 60

  # Adds the first owner, once.
  owner:
    <<: *valetkey
    command: [admin, create, @OWNER@, --if-missing, --password-hash-file, /etc/valetkey/owner.hash]
    volumes:
      - ./valetkey.toml:/etc/valetkey/valetkey.toml:ro
      - ./master.key:/etc/valetkey/master.key:ro
      - ./database.url:/etc/valetkey/database.url:ro
      - ./owner.hash:/etc/valetkey/owner.hash:ro
    depends_on:
      database:
        condition: service_healthy

  valetkey:
    <<: *valetkey
    restart: unless-stopped
    stop_grace_period: 30s
    command: [serve]
    ports:
      - "127.0.0.1:@PORT@:8000"
    volumes:
      - ./valetkey.toml:/etc/valetkey/valetkey.toml:ro
      - ./master.key:/etc/valetkey/master.key:ro
      - ./database.url:/etc/valetkey/database.url:ro
    healthcheck:
      test: [CMD, /usr/bin/valetkey, health]
      interval: 10s
      timeout: 10s
      retries: 6
      start_period: 60s
    depends_on:
      owner:
        condition: service_completed_successfully

networks:
  inside:
    ipam:
      config:
        - subnet: @SUBNET@

volumes:
  database:
"""
