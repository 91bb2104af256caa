"""How Sphinx builds these pages: offline, every warning an error."""

from importlib.metadata import version as installed

project = "valetkey"
author = "the valetkey authors"
project_copyright = "2026, the valetkey authors"
version = release = installed("valetkey")

extensions = ["myst_parser"]
exclude_patterns = ["_ext"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "valetkey"
html_copy_source = False
html_show_sphinx = False
