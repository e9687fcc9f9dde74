"""Links the three source folders under one package name, for editable installs.

The repository holds `domain/`, `projections/` and `adapters/` at its root; they are published as `limen.domain`,
`limen.projections` and `limen.adapters`. A wheel renames them by `sources`; an editable install cannot, so this hook
makes `build/editable/limen` with one link a folder. New files are seen at once, and type checkers follow the links.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class EditableLinks(BuildHookInterface[Any]):
    """Makes `build/editable/limen/<folder>` links when the build is an editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        if self.target_name != "wheel" or version != "editable":
            return
        package = Path(self.root, "build", "editable", "limen")
        package.mkdir(parents=True, exist_ok=True)
        for folder in ("domain", "projections", "adapters"):
            link = package / folder
            if not link.is_symlink():
                link.symlink_to(Path("..", "..", "..", folder), target_is_directory=True)
