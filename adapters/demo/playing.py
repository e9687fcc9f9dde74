"""Playing the demo: the target is started, the story told, and everything it shows is checked."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from uuid import UUID

from limen.adapters.bus.opening import positions
from limen.adapters.demo.audience import Audience, Heard, Tally
from limen.adapters.demo.expected import PATIENCE_SECONDS, Check, arrivals
from limen.adapters.demo.nats import nats_server
from limen.adapters.demo.provider import DemoProvider
from limen.adapters.demo.scene import Scene
from limen.adapters.demo.story import Step, Story
from limen.adapters.demo.target import furnish
from limen.adapters.engine import open_engine
from limen.adapters.log import open_log
from limen.adapters.sink import Sink
from limen.adapters.system import SystemClock, SystemIds, SystemSecrets
from limen.domain.engine import Engine
from limen.domain.errors import LimenError
from limen.domain.testing import MemoryCourier

Told = Callable[[str, bool], None]
"""Called after each step with what it shows and whether all of it held."""


@dataclass(slots=True)
class Played:
    """What came of it. `flows` are kind and id in the order they began; `requests` is how many the target received.

    `logins` are those that are shown side by side, by method. `consumers` are those of the bus, by name;
    there are none without one.
    """

    flows: list[tuple[str, UUID]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    requests: int = 0
    identity: str = ""
    consumers: dict[str, Tally] = field(default_factory=dict)
    logins: dict[str, UUID] = field(default_factory=dict)

    @property
    def failed(self) -> list[Check]:
        """What was not as it should be."""
        return [check for check in self.checks if not check.held]


async def play(
    scene: Scene,
    store: str,
    *,
    told: Told = lambda _what, _held: None,
    on_nats: bool = False,
    heard: Heard = lambda _name, _line, _speaks: None,
) -> Played:
    """Every flow once, on the store at a URL. The files of the scene are written first; the store stays.

    `on_nats` relays what happens to a NATS server, where two consumers follow; `heard` is called with what they say.
    Raises `ConfigurationInvalid` and `StoreUnusable` as opening an engine does, `BusUnusable` without a server.
    """
    played, courier = Played(), MemoryCourier()
    # a person of their own for each run: the store of the last one may be the same
    name = f"ada.{SystemIds().new().hex[:8]}"
    provider = provider_of(name)
    async with Sink() as sink, provider, nats_server(scene.bus) if on_nats else nullcontext() as url:
        furnish(sink)
        await asyncio.to_thread(scene.write, sink.url, provider.issuer)
        async with _stage(scene, store, courier, url) as engine, _audience(scene, store, url, heard) as audience:
            story = Story(engine, courier, name)
            if audience is not None:
                told(f"{' and '.join(audience.members)} follow on NATS, {url}, each in a process of its own", True)
            await _tell(story, audience, told)
            played.checks = [*story.checks, *await arrivals(sink, story.expected), await _settled(engine)]
            if audience is not None:
                played.checks += await audience.checks()
                played.consumers = {name: member.tally for name, member in audience.members.items()}
        played.logins = story.logins
        played.flows, played.identity, played.requests = story.flows, story.identity, len(sink.received)
    return played


def provider_of(name: str) -> DemoProvider:
    """Where the demo's person has an account too."""
    person = {"email": f"{name}@example.org", "email_verified": True}
    return DemoProvider({name: person}, now=SystemClock().now, secrets=SystemSecrets())


def _stage(scene: Scene, store: str, courier: MemoryCourier, url: str | None) -> AbstractAsyncContextManager[Engine]:
    if url is None:
        return open_engine(scene.config, store, courier=courier)
    # the position has one name whatever the port: the next run goes on where this one ended
    bus = {"url": url, "name": "demo"}
    return open_engine(scene.config, store, courier=courier, bus=url, settings={"bus": bus})


@asynccontextmanager
async def _audience(scene: Scene, store: str, url: str | None, heard: Heard) -> AsyncIterator[Audience | None]:
    if url is None:
        yield None
        return
    since, _ = await asyncio.to_thread(positions, store)
    with open_log(store) as log:
        async with Audience(scene.bus, url, log, since, heard) as audience:
            yield audience


async def _tell(story: Story, audience: Audience | None, told: Told) -> None:
    for number, (title, step) in enumerate(story.steps, 1):
        if audience is not None:
            audience.before_step(number)
        went = await _take(story, title, step, told)
        if audience is not None:
            await audience.after_step(number)
        if not went:
            return


async def _take(story: Story, title: str, step: Step, told: Told) -> bool:
    """One step; False where the story cannot go on."""
    before = len(story.checks)
    try:
        await step()
    except LimenError as error:
        story.checks.append(Check(title, held=False, detail=str(error)))
        told(title, False)
        return False
    told(title, all(check.held for check in story.checks[before:]))
    return True


async def _settled(engine: Engine) -> Check:
    """Whether every delivery came to its end and was recorded."""
    claim, waited = "every delivery has ended", 0.0
    while await engine.streams.store.next_due() is not None:
        if waited >= PATIENCE_SECONDS:
            return Check(claim, held=False, detail="some are still due")
        await asyncio.sleep(0.02)
        waited += 0.02
    return Check(claim, held=True)
