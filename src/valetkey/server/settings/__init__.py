"""The settings: one immutable tree, and the code that reads it.

A flag wins over the environment (`VALETKEY_LIFETIMES__CODE=30`), which wins over `valetkey.toml`,
which wins over the defaults. All mistakes are reported at once, each with its source.
"""

from valetkey.server.settings.load import RELOADABLE, Loaded, SettingsError, changes, load, read
from valetkey.server.settings.tree import Settings

__all__ = ["RELOADABLE", "Loaded", "Settings", "SettingsError", "changes", "load", "read"]
