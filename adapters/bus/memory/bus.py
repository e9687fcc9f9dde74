"""MemoryBus: the bus of a single process, and what an engine has by default.

It is gone with the process. `MemoryBus()` is the bus that `memory:` means, for as long as somebody in the process has
it; `MemoryBus("memory:name")` is another one.
"""

import asyncio
import gc
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final, Protocol
from weakref import ReferenceType, WeakValueDictionary, ref

from limen.adapters.bus.dead_letter import DeadLetter
from limen.adapters.bus.envelope import Envelope
from limen.adapters.bus.memory.replies import Replies

KEPT: Final = 100_000
"""Events kept for groups that come later, at most."""


class Member(Protocol):
    """What is started and stopped with the bus: the intake of a router."""

    async def start(self) -> None:
        """Begins to bring messages."""

    async def stop(self) -> None:
        """Ends it; what is under way is finished or comes again."""


@dataclass(slots=True)
class MemoryGroup:
    """A consumer group: how far it has come (`done`, the number of the last one), who is at work, its dead letters."""

    done: int = 0
    delivered: int = 0
    roster: str = ""
    members: int = 0
    holder: object | None = None
    dead: list[DeadLetter] = field(default_factory=list)


class _State:
    """What all handles of one name share. Safe from any thread."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.events: OrderedDict[int, Envelope] = OrderedDict()
        self.numbers: dict[str, int] = {}
        self.groups: dict[tuple[str, str], MemoryGroup] = {}
        self.told: list[Callable[[], None]] = []
        self.count = 0
        self.started = 0
        self.replies = Replies()
        self.members: list[ReferenceType[Member]] = []

    def append(self, envelope: Envelope) -> None:
        """Takes an event, unless it has it."""
        with self.lock:
            if envelope.id in self.numbers:
                return
            self.count += 1
            self.events[self.count] = envelope
            self.numbers[envelope.id] = self.count
            while len(self.events) > KEPT:
                _, oldest = self.events.popitem(last=False)
                del self.numbers[oldest.id]
            told = list(self.told)
        for tell in told:
            tell()

    def settled(self) -> bool:
        """Whether no group that somebody works for is behind."""
        with self.lock:
            return all(group.done >= self.count for group in self.groups.values() if group.members)

    def after(self, number: int) -> tuple[int, Envelope] | None:
        """The first event with a higher number."""
        with self.lock:
            if number >= self.count or not self.events:
                return None
            wanted = max(number + 1, next(iter(self.events)))
            return wanted, self.events[wanted]


class MemoryBus:
    """A handle on a bus in memory. Routers are started with it: by `start`, or by an engine that relays to it."""

    _states: ClassVar[WeakValueDictionary[str, _State]] = WeakValueDictionary()
    _making: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, url: str = "memory:") -> None:
        if not url.startswith("memory:"):
            raise ValueError("a bus in memory is 'memory:' or 'memory:<name>'")
        self.url = url
        with self._making:
            self.state = self._states[url] = self._there(url) or _State()
        self.running = False
        self._members: list[Member] = []

    @classmethod
    def _there(cls, url: str) -> _State | None:
        """The bus of a name, where somebody has it. A router and its bus hold each other: so the collector is asked."""
        state = cls._states.get(url)
        if state is None or state.started:
            return state
        del state
        gc.collect()  # else an idle bus that nobody has any more would be met again, with its routers
        return cls._states.get(url)

    @classmethod
    def default(cls) -> "MemoryBus | None":
        """The bus `memory:` where somebody in this process has it: what an engine publishes to that is told nothing."""
        return cls() if cls._there("memory:") is not None else None

    @property
    def replies(self) -> Replies:
        """Who answers which subject: `bus.replies.reply("risk.check")` is a decorator."""
        return self.state.replies

    def attach(self, member: Member) -> None:
        """Starts and stops a member with the bus. This handle keeps it; the bus itself only knows of it."""
        self._members.append(member)
        self.state.members.append(ref(member))

    def group(self, topic: str, name: str) -> MemoryGroup:
        """The group of a name; made when it is not there."""
        with self.state.lock:
            return self.state.groups.setdefault((topic, name), MemoryGroup())

    async def connect(self) -> None:
        """There is nothing to connect to."""

    async def start(self) -> None:
        """Starts what is attached and does not run yet."""
        first = not self.running
        if first:
            self.running = True
            self.state.started += 1
        try:
            for member in self._attached():
                await member.start()
        except BaseException:
            if first:
                self.running = False
                self.state.started -= 1
            raise

    async def stop(self, *_: object) -> None:
        """Stops what is attached, when nobody else has started it too."""
        if not self.running:
            return
        self.running = False
        self.state.started -= 1
        if not self.state.started:
            for member in self._attached():
                await member.stop()

    async def settled(self, seconds: float) -> None:
        """Waits until every group at work has handled what there is, for so long at most."""
        waited = 0.0
        while waited < seconds and not self.state.settled():
            await asyncio.sleep(0.01)
            waited += 0.01

    def _attached(self) -> list[Member]:
        self.state.members = [one for one in self.state.members if one() is not None]
        return [member for one in self.state.members if (member := one()) is not None]

    async def __aenter__(self) -> "MemoryBus":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
