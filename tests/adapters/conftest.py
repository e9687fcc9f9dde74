"""One run of the demo, on which the tests of the command line look."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Ran, invoked, spawned


@dataclass(frozen=True)
class Demo:
    """A demo that has been played: its folder, and what it said of itself."""

    folder: Path
    told: dict[str, Any]

    @property
    def env(self) -> dict[str, str]:
        """The variables that the demo tells people to set."""
        return {"LIMEN_CONFIG": self.told["config"], "LIMEN_STORE": self.told["store"]}

    def flow(self, kind: str, number: int = -1) -> str:
        """The id of one of its flows of a kind; the last one unless told."""
        return str([one["id"] for one in self.told["flows"] if one["flow"] == kind][number])


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, played once for all tests of a process. They only read it."""
    folder = tmp_path_factory.mktemp("played")
    ran = spawned("demo", "--json", "--folder", folder / "demo", cwd=folder)
    assert ran.code == 0, ran.out + ran.err
    return Demo(folder, ran.json)


@pytest.fixture
def limen(demo: Demo) -> Callable[..., Ran]:
    """The command line on the files of the demo."""
    return lambda *args: invoked(*args, env=demo.env)
