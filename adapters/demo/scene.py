"""The scene of the demo: its files, written where the person can look at them and use them afterwards."""

from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

TARGET = "http://127.0.0.1:4456"
"""Where the web hooks of the example file go; in the demo they go to the port that was free."""

PROVIDER = "http://127.0.0.1:4457"
"""Where the example file has its OpenID provider; in the demo it is on a port that was free."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The folder of the demo."""

    folder: Path

    @property
    def config(self) -> Path:
        """The Kratos configuration that was used."""
        return self.folder / "identity.yml"

    @property
    def bus(self) -> Path:
        """Where the NATS server and the consumers keep what is theirs, if there are any."""
        return self.folder / "bus"

    def write(self, target: str, provider: str) -> None:
        """Writes the configuration, its schema and templates; web hooks go to `target` (`http://127.0.0.1:PORT`).

        `provider` is where the OpenID provider is.
        """
        _copy(files("limen.adapters.demo") / "files", self.folder)
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(text.replace(TARGET, target).replace(PROVIDER, provider), encoding="utf-8")


def _copy(source: Traversable, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        if entry.is_dir():
            _copy(entry, folder / entry.name)
        else:
            (folder / entry.name).write_bytes(entry.read_bytes())
