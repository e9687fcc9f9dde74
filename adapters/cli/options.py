"""The options that several commands take, and where a command finds its files.

`--config`, `--settings` and `--store`; then `LIMEN_CONFIG`, `LIMEN_SETTINGS` and `LIMEN_STORE`; then `limen.yml` and
`sqlite:///limen.db` in the working directory. A `store` in `limen.yml` counts before the latter.
"""

import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from limen.domain.configuration import Settings
    from limen.domain.handler import Actions

DEFAULT_STORE = "sqlite:///limen.db"
SETTINGS_NAME = "limen.yml"

Config = Annotated[
    Path | None, typer.Option("--config", envvar="LIMEN_CONFIG", help="The Kratos configuration.", metavar="FILE")
]
SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", envvar="LIMEN_SETTINGS", help="limen's own settings (limen.yml).", metavar="FILE"),
]
Store = Annotated[
    str | None,
    typer.Option("--store", envvar="LIMEN_STORE", help=f"The store: {DEFAULT_STORE} or postgresql://….", metavar="URL"),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs.")]
Open = Annotated[bool, typer.Option("--open", help="Show sealed personal data in clear; needs --config for its keys.")]
App = Annotated[
    str | None,
    typer.Option("--app", help="Where the application registers its handlers, to know them.", metavar="MODULE:ACTIONS"),
]


@dataclass(frozen=True, slots=True)
class Where:
    """Where a command finds its configuration, its settings and its store."""

    config: Path | None = None
    settings: Path | None = None
    store: str | None = None

    def configuration(self) -> Path:
        """The configuration file. Wrong use where none was named."""
        if self.config is None:
            raise typer.BadParameter("name the Kratos configuration (or set LIMEN_CONFIG)", param_hint="--config")
        return self.config

    def settings_file(self) -> Path | None:
        """limen's own file: the one named, the one beside the configuration, or the one in the working directory."""
        if self.settings is not None:
            return self.settings
        beside = [self.config.resolve().parent / SETTINGS_NAME] if self.config is not None else []
        return next((path for path in [*beside, Path(SETTINGS_NAME)] if path.is_file()), None)

    def url(self) -> str:
        """The store's URL. Raises `ConfigurationInvalid` when the settings that should name it cannot be read."""
        if self.store is not None:
            return self.store
        path = self.settings_file()
        return (read_settings_file(path).store if path is not None else None) or DEFAULT_STORE


def read_settings_file(path: Path) -> "Settings":
    """limen's own file alone. Raises `ConfigurationInvalid` with every fault."""
    from limen.adapters.configuration.findings import Findings
    from limen.adapters.configuration.settings import read_settings
    from limen.adapters.configuration.source import read_source
    from limen.domain.errors import ConfigurationInvalid

    findings = Findings()
    settings = read_settings(read_source(path, findings), os.environ, findings)
    if findings.faults:
        raise ConfigurationInvalid(findings.faults)
    return settings


def load_actions(app: str | None) -> "Actions":
    """The handlers an application registered, by `module:name`. Wrong use where there are none."""
    from limen.domain.handler import Actions

    if app is None:
        return Actions()
    module, _, name = app.partition(":")
    if not module or not name:
        raise typer.BadParameter(f"'{app}' does not read like module:actions", param_hint="--app")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise typer.BadParameter(f"'{app}' cannot be loaded: {error}", param_hint="--app") from error
    finally:
        sys.path.pop(0)
    if not isinstance(found, Actions):
        kind = type(found).__name__
        raise typer.BadParameter(f"'{app}' is no limen.domain.Actions but {kind}", param_hint="--app")
    return found
