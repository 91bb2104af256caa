"""How Sphinx builds these pages: offline, every warning an error."""

from importlib.metadata import version as installed

SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", sans-serif'
MONO = 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace'

project = "valetkey"
author = "the valetkey authors"
project_copyright = "2026, the valetkey authors"
version = release = installed("valetkey")

extensions = ["myst_parser"]
exclude_patterns = ["_ext", "_static"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "valetkey"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["valetkey.css"]
html_logo = html_favicon = "_static/key.svg"
html_theme_options = {
    "light_css_variables": {
        "font-stack": SANS,
        "font-stack--monospace": MONO,
        "color-background-primary": "#ffffff",
        "color-background-secondary": "#f5f8f6",
        "color-background-hover": "#e3f1ea",
        "color-background-border": "#d6dfda",
        "color-sidebar-item-background--hover": "#e3f1ea",
        "color-sidebar-item-expander-background--hover": "#e3f1ea",
        "color-foreground-primary": "#14211b",
        "color-foreground-secondary": "#4c5b54",
        "color-foreground-muted": "#5d6c65",
        "color-foreground-border": "#718078",
        "color-brand-primary": "#0b5a42",
        "color-brand-content": "#0b5a42",
        "color-brand-visited": "#6d4700",
        "color-card-background": "#f5f8f6",
        "color-inline-code-background": "#eef4f1",
        "color-table-header-background": "#eef4f1",
        "color-highlight-on-target": "#fbf1da",
    },
    "dark_css_variables": {
        "color-background-primary": "#0b110e",
        "color-background-secondary": "#141c18",
        "color-background-hover": "#15332a",
        "color-background-border": "#2b3832",
        "color-sidebar-item-background--hover": "#15332a",
        "color-sidebar-item-expander-background--hover": "#15332a",
        "color-foreground-primary": "#e8efeb",
        "color-foreground-secondary": "#a7b6ae",
        "color-foreground-muted": "#93a39b",
        "color-foreground-border": "#7b8c84",
        "color-brand-primary": "#7fd8b4",
        "color-brand-content": "#7fd8b4",
        "color-brand-visited": "#e6bd6a",
        "color-card-background": "#141c18",
        "color-inline-code-background": "#1a2420",
        "color-table-header-background": "#1a2420",
        "color-highlight-on-target": "#352911",
    },
}
