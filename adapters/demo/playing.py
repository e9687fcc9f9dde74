"""Playing the demo: the target is started, the story told, and everything it shows is checked."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from limen.adapters.demo.expected import PATIENCE_SECONDS, Check, arrivals
from limen.adapters.demo.scene import Scene
from limen.adapters.demo.story import Story
from limen.adapters.demo.target import furnish
from limen.adapters.engine import open_engine
from limen.adapters.sink import Sink
from limen.adapters.system import SystemIds
from limen.domain.engine import Engine
from limen.domain.errors import LimenError
from limen.domain.testing import MemoryCourier

Told = Callable[[str, bool], None]
"""Called after each step with what it shows and whether all of it held."""


@dataclass(slots=True)
class Played:
    """What came of it. `flows` are kind and id in the order they began; `requests` is how many the target received."""

    flows: list[tuple[str, UUID]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    requests: int = 0
    identity: str = ""

    @property
    def failed(self) -> list[Check]:
        """What was not as it should be."""
        return [check for check in self.checks if not check.held]


async def play(scene: Scene, store: str, *, told: Told = lambda _what, _held: None) -> Played:
    """Every flow once, on the store at a URL. The files of the scene are written first; the store stays.

    Raises `ConfigurationInvalid` and `StoreUnusable` as opening an engine does.
    """
    played, courier = Played(), MemoryCourier()
    async with Sink() as sink:
        furnish(sink)
        await asyncio.to_thread(scene.write, sink.url)
        await _tell(scene.config, store, courier, sink, played, told)
        played.requests = len(sink.received)
    return played


async def _tell(config: Path, store: str, courier: MemoryCourier, sink: Sink, played: Played, told: Told) -> None:
    async with open_engine(config, store, courier=courier) as engine:
        # a person of their own for each run: the store of the last one may be the same
        story = Story(engine, courier, f"ada.{SystemIds().new().hex[:8]}")
        for title, step in story.steps:
            before = len(story.checks)
            try:
                await step()
            except LimenError as error:
                story.checks.append(Check(title, held=False, detail=str(error)))
                told(title, False)
                break
            told(title, all(check.held for check in story.checks[before:]))
        played.checks = [*story.checks, *await arrivals(sink, story.expected), await _settled(engine)]
        played.flows, played.identity = story.flows, story.identity


async def _settled(engine: Engine) -> Check:
    """Whether every delivery came to its end and was recorded."""
    claim, waited = "every delivery has ended", 0.0
    while await engine.streams.store.next_due() is not None:
        if waited >= PATIENCE_SECONDS:
            return Check(claim, held=False, detail="some are still due")
        await asyncio.sleep(0.02)
        waited += 0.02
    return Check(claim, held=True)
