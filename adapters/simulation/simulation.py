"""Simulation: what another configuration would have done with the flows of a store.

from limen.adapters import open_simulation

async with open_simulation("new.yml", "sqlite:///limen.db") as simulation:
    async for flow in simulation.flows():
        if flow.differs:
            print(flow.id, flow.outcome)
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from limen.adapters.caller import HttpCaller
from limen.adapters.configuration import read_checked
from limen.adapters.configuration.document import LIMEN
from limen.adapters.engine import DEFAULT_STORE, ConfigSource
from limen.adapters.keyring import Keys
from limen.adapters.rules import names_in, rules_of
from limen.adapters.simulation.histories import Choice, History, Progress, histories
from limen.adapters.simulation.live import LiveActions, NoSuchHook
from limen.adapters.simulation.records import StoreRecords
from limen.adapters.store import LogStore
from limen.adapters.store.address import Address
from limen.adapters.store.opening import open_application
from limen.adapters.system import SystemClock, SystemIds, SystemSecrets
from limen.adapters.templates import TemplatePool
from limen.domain.configuration import Configuration, FlowKind
from limen.domain.handler import Actions
from limen.domain.published import ConfigurationPublished
from limen.domain.simulation.differences import differing
from limen.domain.simulation.foresight import Foresight
from limen.domain.simulation.pairing import actions_of
from limen.domain.simulation.simulator import Simulator
from limen.domain.simulation.turn import recorded

AT_A_TIME = 16
"""Flows that are looked at side by side, where something has to be rendered or read."""

_WEIGHED = re.compile(
    r"/limen/(actions|hooks)(/|$)|/secrets(/|$)|/selfservice/flows/\w+/(enabled|lifespan)$"
    r"|/selfservice/flows/\w+/(before|after)(/\w+)?/hooks(/|$)"
    r"|/selfservice/flows/\w+/(before|after)(/(?!default_browser_return_url)\w+)?$"
    r"|/selfservice/methods/\w+/(enabled|passwordless_enabled)$|/session/cookie/name$|/clients/web_hook(/|$)"
)
"""The places of a configuration whose change a simulation takes into account."""


@dataclass
class Simulation:
    """Recorded flows under another configuration. Made by `open_simulation`.

    `unweighed` are the places (JSON pointers) in which the configurations met so far differ from the new one, and that
    are not taken into account: what methods accept, what schemas demand, how long codes last.
    """

    store: LogStore
    simulator: Simulator
    configuration: Configuration
    unweighed: set[str] = field(default_factory=set)
    _met: set[UUID] = field(default_factory=set)

    async def flows(
        self,
        *,
        since: datetime | None = None,
        kind: FlowKind | str | None = None,
        sample: int | None = None,
        progress: Progress | None = None,
    ) -> AsyncGenerator[Foresight, None]:
        """What becomes of each flow begun at or after `since`, of one `kind`; of `sample` of them if given.

        In the order in which the flows came to an end. Nothing is written, nothing is sent.
        """
        choice = Choice(since, FlowKind(kind) if kind is not None else None, sample)
        lifespans = {one: self.configuration.flow(one).lifespan for one in FlowKind}
        waiting: deque[Foresight | asyncio.Task[Foresight]] = deque()
        try:
            async for history in histories(self.store, choice, lifespans, progress):
                begun = await self._begin(history)
                if begun is None:
                    continue
                waiting.append(begun)
                while waiting and (len(waiting) >= AT_A_TIME or isinstance(waiting[0], Foresight)):
                    yield await _done(waiting.popleft())
            while waiting:
                yield await _done(waiting.popleft())
        finally:
            left = [one for one in waiting if isinstance(one, asyncio.Task)]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _begin(self, history: History) -> Foresight | asyncio.Task[Foresight] | None:
        flow = recorded(history)
        if flow is None:
            return None
        if flow.initiated.configuration not in self._met:
            await self._meet(flow.initiated.configuration)
            return await self.simulator.foresee(flow)
        return self.simulator.at_once(flow) or asyncio.ensure_future(self.simulator.foresee(flow))

    async def _meet(self, configuration: UUID) -> None:
        self._met.add(configuration)
        for event in await self.store.events(configuration):
            if isinstance(event, ConfigurationPublished):
                one, other = ({LIMEN: {}, **document} for document in (event.document, self.configuration.document))
                pointers = differing(one, other)
                self.unweighed |= {one for one in pointers if not _WEIGHED.match(one)}


async def _done(one: Foresight | asyncio.Task[Foresight]) -> Foresight:
    return one if isinstance(one, Foresight) else await one


@asynccontextmanager
async def open_simulation(
    config: ConfigSource,
    store: str | LogStore = DEFAULT_STORE,
    *,
    settings: ConfigSource | None = None,
    actions: Actions | None = None,
    live: Sequence[str] = (),
) -> AsyncIterator[Simulation]:
    """A simulation of the configuration `config` on the store at a URL, or on an open store.

    `settings` are limen's own, as `open_engine` takes them. `actions` are the application's handlers: without them
    those on record stand in, their answers unknown; with them pure ones are run. `live` names web hooks, by their ids,
    that may be asked for real where no recorded answer fits: each such request carries the header `Limen-Simulation`.

    The store is only read. Its keys are opened by the secrets of `config`, which must be those of the store. Raises
    `ConfigurationInvalid`, `StoreUnusable`, `NoSuchHook` for a name in `live` that is none.
    """
    handlers = actions.extended() if actions is not None else None
    if handlers is not None:
        handlers.seal()
    async with AsyncExitStack() as stack:
        opened = store if isinstance(store, LogStore) else _opened(store, stack)
        templates = await stack.enter_async_context(TemplatePool())
        hooks = handlers.hooks if handlers is not None else await _recorded_names(opened)
        configuration = await read_checked(config, settings, hooks=hooks, templates=templates)
        await templates.resize(configuration.settings.template_workers)
        keys = Keys(opened, configuration.secrets.master, SystemSecrets())
        keys.recall()
        ids = SystemIds()
        asking = None
        if live:
            _check_live(live, configuration)
            caller = await stack.enter_async_context(HttpCaller(configuration.guard))
            asking = LiveActions(live, caller, SystemClock(), ids)
        records = StoreRecords(opened, keys, ids, hooks)
        simulator = Simulator(rules_of(UUID(int=0), configuration), handlers, templates, records, asking)
        yield Simulation(opened, simulator, configuration)


def _opened(url: str, stack: AsyncExitStack) -> LogStore:
    address = Address.of(url)
    store = LogStore(open_application(address, create=False), address.kind)
    stack.callback(store.close)
    return store


async def _recorded_names(store: LogStore) -> Mapping[str, Sequence[str]]:
    """The names of handlers that configurations on record use: the new one may use them too."""
    found: dict[str, Sequence[str]] = {}
    after = 0
    while page := await store.log(after, 100, ("ConfigurationPublished",)):
        after = page[-1][0]
        for _, event in page:
            assert isinstance(event, ConfigurationPublished)
            found |= names_in(event.handlers)
    return found


def _check_live(live: Sequence[str], configuration: Configuration) -> None:
    hooks: dict[str, Any] = {one.id: one for one in actions_of(configuration).values() if one.web_hook is not None}
    for name in live:
        if name not in hooks:
            known = ", ".join(sorted(hooks)) or "none"
            raise NoSuchHook(f"there is no web_hook '{name}' to ask; there are: {known}")
