"""Configuration: reads a Kratos file and `limen.yml`, and checks them whole before anything runs.

`read` raises with every fault, `examine` says what it found; `read_checked` and `examine_checked` compile the
templates too. `restore` rebuilds what was read from its document and its secrets.
"""

from limen.adapters.configuration.document import restore
from limen.adapters.configuration.draft import TemplateSource
from limen.adapters.configuration.reading import Reading, examine, examine_checked, read, read_checked
from limen.adapters.configuration.uri import ContentUnavailable, Fetch, fetch_http

__all__ = [
    "ContentUnavailable",
    "Fetch",
    "Reading",
    "TemplateSource",
    "examine",
    "examine_checked",
    "fetch_http",
    "read",
    "read_checked",
    "restore",
]
