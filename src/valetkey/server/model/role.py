"""Roles: what people may do as administrators, and the permissions of the administration API."""

from collections.abc import Iterable
from typing import ClassVar, Final, Literal, TypeAlias

from valetkey.server.model.record import Record
from valetkey.wire.catalog import Catalog, Permission, Risk, Words

Role: TypeAlias = Literal["owner", "operator", "support", "reviewer", "auditor", "developer"]

PATH: Final = "/admin/v1"
"""The path of the administration API below the issuer; both together are its identifier as a
resource server."""

PREFIX: Final = "admin."
"""Begins the scopes of the administration API: names of permissions are unique over all APIs."""


class RoleBinding(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The roles of one user. `by` is who gave the last one: a user's id, or `local:` and the
    account of the operating system that ran the command. `changed` is in seconds since 1970."""

    table: ClassVar[str] = "role_bindings"
    indexes: ClassVar[tuple[str, ...]] = ("user",)

    user: str
    roles: tuple[Role, ...]
    changed: int
    by: str = ""

    @property
    def key(self) -> str:
        return self.user

    @classmethod
    def place_of_index(cls, index: str, value: str) -> int | None:
        return 0


def _permission(name: str, risk: Risk, can: str, **texts: str) -> Permission:
    words = {tag: Words(can=text) for tag, text in texts.items()}
    group: Literal["view", "act"] = "view" if name.endswith(".read") else "act"
    return Permission(id=PREFIX + name, can=can, risk=risk, group=group, words=words)


_PERMISSIONS: Final = (
    _permission(
        "users.read",
        "medium",
        "see everybody's account",
        de="alle Konten sehen",
        fr="voir tous les comptes",
        es="ver todas las cuentas",
    ),
    _permission(
        "users.support",
        "high",
        "sign people out, and help them into their accounts",
        de="Personen abmelden und ihnen wieder in ihr Konto helfen",
        fr="déconnecter des personnes et les aider à retrouver leur compte",
        es="cerrar sesiones y ayudar a recuperar cuentas",
    ),
    _permission(
        "users.manage",
        "high",
        "change, disable and erase everybody's account",
        de="alle Konten ändern, sperren und löschen",
        fr="modifier, désactiver et effacer tous les comptes",
        es="cambiar, desactivar y borrar todas las cuentas",
    ),
    _permission(
        "apps.read",
        "low",
        "see all apps",
        de="alle Apps sehen",
        fr="voir toutes les applications",
        es="ver todas las aplicaciones",
    ),
    _permission(
        "apps.manage",
        "high",
        "add, change and suspend apps",
        de="Apps anlegen, ändern und sperren",
        fr="ajouter, modifier et suspendre des applications",
        es="añadir, cambiar y suspender aplicaciones",
    ),
    _permission(
        "apps.review",
        "medium",
        "review apps",
        de="Apps prüfen",
        fr="examiner les applications",
        es="revisar aplicaciones",
    ),
    _permission(
        "grants.read",
        "medium",
        "see what people allow apps",
        de="sehen, was Personen Apps erlauben",
        fr="voir ce que les personnes autorisent aux applications",
        es="ver lo que las personas permiten a las aplicaciones",
    ),
    _permission(
        "grants.stop",
        "high",
        "stop the access of apps",
        de="den Zugriff von Apps beenden",
        fr="arrêter l'accès des applications",
        es="detener el acceso de aplicaciones",
    ),
    _permission(
        "catalog.read",
        "low",
        "see all APIs and their permissions",
        de="alle APIs und ihre Berechtigungen sehen",
        fr="voir toutes les API et leurs autorisations",
        es="ver todas las API y sus permisos",
    ),
    _permission(
        "catalog.manage",
        "high",
        "add and change APIs and their permissions",
        de="APIs und ihre Berechtigungen anlegen und ändern",
        fr="ajouter et modifier des API et leurs autorisations",
        es="añadir y cambiar API y sus permisos",
    ),
    _permission(
        "policies.read",
        "low",
        "see the policies for apps",
        de="die Richtlinien für Apps sehen",
        fr="voir les règles pour les applications",
        es="ver las políticas de las aplicaciones",
    ),
    _permission(
        "keys.read",
        "low",
        "see the server's public keys",
        de="die öffentlichen Schlüssel des Servers sehen",
        fr="voir les clés publiques du serveur",
        es="ver las claves públicas del servidor",
    ),
    _permission(
        "keys.manage",
        "high",
        "rotate the server's keys",
        de="die Schlüssel des Servers wechseln",
        fr="renouveler les clés du serveur",
        es="rotar las claves del servidor",
    ),
    _permission(
        "streams.read",
        "low",
        "see the receivers of security events",
        de="die Empfänger von Sicherheitsereignissen sehen",
        fr="voir les destinataires des événements de sécurité",
        es="ver los receptores de eventos de seguridad",
    ),
    _permission(
        "streams.manage",
        "high",
        "change the receivers of security events",
        de="die Empfänger von Sicherheitsereignissen ändern",
        fr="modifier les destinataires des événements de sécurité",
        es="cambiar los receptores de eventos de seguridad",
    ),
    _permission(
        "jobs.read",
        "low",
        "see the messages that wait to be sent",
        de="wartende Nachrichten sehen",
        fr="voir les messages en attente",
        es="ver los mensajes en espera",
    ),
    _permission(
        "jobs.manage",
        "medium",
        "send waiting messages again, or drop them",
        de="wartende Nachrichten erneut senden oder verwerfen",
        fr="renvoyer ou abandonner les messages en attente",
        es="reenviar o descartar los mensajes en espera",
    ),
    _permission(
        "audit.read",
        "high",
        "read the audit log",
        de="das Protokoll lesen",
        fr="lire le journal d'audit",
        es="leer el registro de auditoría",
    ),
    _permission(
        "statistics.read",
        "low",
        "see statistics",
        de="Statistiken sehen",
        fr="voir les statistiques",
        es="ver estadísticas",
    ),
    _permission(
        "settings.read",
        "low",
        "see the server's settings",
        de="die Einstellungen des Servers sehen",
        fr="voir les réglages du serveur",
        es="ver los ajustes del servidor",
    ),
    _permission(
        "organizations.manage",
        "high",
        "add and change organizations, and choose their members",
        de="Organisationen anlegen und ändern und ihre Mitglieder bestimmen",
        fr="ajouter et modifier des organisations, et choisir leurs membres",
        es="añadir y cambiar organizaciones, y elegir a sus miembros",
    ),
    _permission(
        "organizations.own",
        "high",
        "decide for your organization which apps its members may connect",
        de="für Ihre Organisation entscheiden, welche Apps ihre Mitglieder verbinden dürfen",
        fr="décider pour votre organisation quelles applications ses membres peuvent connecter",
        es="decidir por su organización qué aplicaciones pueden conectar sus miembros",
    ),
    _permission(
        "roles.read",
        "low",
        "see who has which role",
        de="sehen, wer welche Rolle hat",
        fr="voir qui a quel rôle",
        es="ver quién tiene qué rol",
    ),
    _permission(
        "roles.manage",
        "high",
        "give and take roles",
        de="Rollen geben und nehmen",
        fr="donner et retirer des rôles",
        es="dar y quitar roles",
    ),
)

PERMISSIONS: Final = tuple(one.id.removeprefix(PREFIX) for one in _PERMISSIONS)
"""All permissions of the administration API, as roles and operations name them."""

SCOPES: Final = frozenset(one.id for one in _PERMISSIONS)
"""The same, as scopes."""

EVERYTHING: Final = frozenset(PERMISSIONS)

_READS: Final = frozenset(one for one in PERMISSIONS if one.endswith(".read"))

ROLES: Final[dict[Role, frozenset[str]]] = {
    "owner": EVERYTHING,
    "operator": EVERYTHING - {"roles.manage"},
    "support": frozenset(
        {"users.read", "users.support", "apps.read", "grants.read", "grants.stop", "catalog.read"}
    ),
    "reviewer": frozenset({"apps.read", "apps.review", "catalog.read", "policies.read"}),
    "auditor": _READS,
    "developer": frozenset({"catalog.read"}),
}
"""What each role may do."""


def of_roles(roles: Iterable[Role]) -> frozenset[str]:
    """The permissions that these roles confer together."""
    return frozenset().union(*(ROLES[one] for one in roles))


def administration(issuer: str) -> Catalog:
    """The catalog of the administration API."""
    return Catalog(resource=issuer + PATH, name="Administration", permissions=_PERMISSIONS)
