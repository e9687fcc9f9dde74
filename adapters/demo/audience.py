"""The audience: two consumers in processes of their own, one of which is killed and comes back."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from limen.adapters.demo.child import Child
from limen.adapters.demo.due import Handled, compared, due, handled
from limen.adapters.demo.expected import PATIENCE_SECONDS, Check
from limen.adapters.log import EventReader
from limen.domain.errors import BusUnusable

NAMES: Final = ("crm", "risk")
VICTIM: Final = "crm"
KILLED_IN: Final = 3
"""The step in which it is killed."""

BACK_AFTER: Final = 4
"""The step after which it is started again: what is between has happened without it."""

Heard = Callable[[str, str, bool], None]
"""Called with a consumer's name, what it printed, and whether it is a consumer that speaks, or the demo of it."""


@dataclass(slots=True)
class Tally:
    """What came of one consumer: the events in its `database`, how often it was killed, how many came meanwhile."""

    database: Path
    events: list[Handled] = field(default_factory=list)
    kills: int = 0
    missed: int = 0


class Member:
    """One consumer. `ready` is set when it follows; `doomed`, it is killed at the next event it takes."""

    def __init__(self, name: str, database: Path, command: tuple[str, ...], heard: Heard) -> None:
        self.name = name
        self.tally = Tally(database)
        self.before = len(handled(database))
        self.alive = False
        self.doomed = False
        self.ready = asyncio.Event()
        self._command = command
        self._heard = heard
        self._said = 0
        self._child: Child | None = None
        self._listening: asyncio.Task[None] | None = None

    @property
    def got(self) -> list[Handled]:
        """What it has written in this run."""
        return handled(self.tally.database)[self.before :]

    async def start(self) -> None:
        """Returns when it follows. Raises `BusUnusable` when it ended instead, or takes too long."""
        self.ready.clear()
        self._child = await Child.start(*self._command)
        self._listening = asyncio.create_task(self._listen(self._child))
        waiting = asyncio.create_task(self.ready.wait())
        try:
            patience = 3 * PATIENCE_SECONDS
            await asyncio.wait((waiting, self._listening), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if not self.ready.is_set():
            raise BusUnusable(f"the demo's consumer {self.name} does not follow; what it wrote stands above")
        self.alive = True

    async def kill(self) -> None:
        """SIGKILL, in the middle of whatever it is doing."""
        assert self._child is not None
        self.alive, self.doomed = False, False
        await self._child.kill()
        self.tally.kills += 1
        where = " in the middle of an event" if self._said > len(self.got) else ""
        self._heard(self.name, f"killed{where} (SIGKILL)", False)

    async def end(self) -> None:
        """Ends it, if it runs."""
        if self._child is not None:
            await self._child.end()
        if self._listening is not None:
            await self._listening

    async def _listen(self, child: Child) -> None:
        async for line in child.lines():
            if line == "ready":
                self.ready.set()
                continue
            self._said += 1
            self._heard(self.name, line, True)
            if self.doomed:
                await self.kill()


class Audience:
    """Both consumers, as an asynchronous context manager. They follow what is appended after position `since`."""

    def __init__(self, folder: Path, url: str, log: EventReader, since: int, heard: Heard) -> None:
        self._log, self._since, self._tell = log, since, heard
        self._lines: list[tuple[str, str, bool]] = []
        self._patience = PATIENCE_SECONDS
        consumer = (sys.executable, "-m", "limen.adapters.demo.consumer")
        self.members = {
            name: Member(name, path, (*consumer, name, url, str(path), str(since)), self._note)
            for name, path in ((name, folder / f"{name}.db") for name in NAMES)
        }

    async def __aenter__(self) -> Self:
        try:
            await asyncio.gather(*(member.start() for member in self.members.values()))
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(member.end() for member in self.members.values()))

    def before_step(self, number: int) -> None:
        """In its step the victim is killed as soon as it takes an event."""
        if number == KILLED_IN:
            self.members[VICTIM].doomed = True

    async def after_step(self, number: int) -> None:
        """Waits until those that live have what is due to them, and shows what they said meanwhile."""
        victim = self.members[VICTIM]
        await self._caught_up()
        if number == KILLED_IN and victim.alive:
            await victim.kill()
        if number == BACK_AFTER:
            victim.tally.missed = len(self._due()[VICTIM]) - len(victim.got)
            self._note(VICTIM, f"started again; {victim.tally.missed} waiting", False)
            await victim.start()
            await self._caught_up()
        self._show()

    async def checks(self) -> list[Check]:
        """What each has, compared with the log."""
        await self._caught_up()
        await asyncio.sleep(0.05)  # and what comes too often would come now
        self._show()
        wanted, checks = self._due(), []
        for member in self.members.values():
            member.tally.events = member.got
            checks += compared(member.name, wanted[member.name], member.tally.events)
        missed = self.members[VICTIM].tally.missed
        return [*checks, Check(f"events came for {VICTIM} while it was away", held=missed > 0)]

    def _due(self) -> dict[str, list[Handled]]:
        return due(self._log.events(kind="flow"), self._since)

    async def _caught_up(self) -> None:
        """Those that never come are waited for once; the checks name them."""
        wanted, waited = self._due(), 0.0
        while any(self._lacks(member, len(wanted[name])) for name, member in self.members.items()):
            if waited >= self._patience:
                self._patience = 0.0
                break
            await asyncio.sleep(0.02)
            waited += 0.02
        await asyncio.sleep(0.02)  # what was printed before it was written is here by now

    def _lacks(self, member: Member, wanted: int) -> bool:
        return member.alive and len(member.got) < wanted

    def _note(self, name: str, line: str, speaks: bool) -> None:
        self._lines.append((name, line, speaks))

    def _show(self) -> None:
        """All at once, beneath the step that they belong to."""
        for line in self._lines:
            self._tell(*line)
        self._lines.clear()
