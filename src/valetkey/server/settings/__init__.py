"""The settings: one frozen tree, and how it is read.

A flag wins over the environment (`VALETKEY_LIFETIMES__CODE=30`), which wins over `valetkey.toml`,
which wins over the defaults. All that is wrong is said at once, each mistake with where it stands.
"""

from valetkey.server.settings.load import Loaded, SettingsError, load, read
from valetkey.server.settings.tree import Settings

__all__ = ["Loaded", "Settings", "SettingsError", "load", "read"]
