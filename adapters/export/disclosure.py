"""Disclosure: opening personal data for an export, which is an event before it is anything else."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from limen.adapters.export.window import Window
from limen.adapters.keyring import Keys
from limen.adapters.store import LogStore
from limen.adapters.system import SystemClock
from limen.domain.export import REASON_LENGTH, Export, PersonalDataExported
from limen.domain.ports import Clock, Step
from limen.domain.streams import Streams


@dataclass(frozen=True, slots=True)
class Disclosure:
    """That sealed fields of a store are to be opened, by which keys and for what reason.

    `reason` is recorded in clear: no name of a person belongs in it. Raises `ValueError` where it is longer than 200
    characters, or anything but one line of printable text.
    """

    store: LogStore = field(repr=False)
    keys: Keys = field(repr=False)
    reason: str = ""
    clock: Clock = field(default_factory=SystemClock, repr=False)

    def __post_init__(self) -> None:
        if len(self.reason) > REASON_LENGTH:
            raise ValueError(f"a reason has {REASON_LENGTH} characters at most, this one has {len(self.reason)}")
        if not self.reason.isprintable():
            raise ValueError("a reason is one line of printable text: it is shown wherever the log is")

    def record(self, id: UUID, format: str, window: Window, after: int, through: int) -> None:
        """Appends the event; it is durable when this returns. Not to be called where an event loop runs.

        Raises `StoreUnusable` when the keys are not those of the store.
        """
        fields: dict[str, object] = {
            "format": format,
            "since": window.since,
            "until": window.until,
            "after": after,
            "through": through,
        }
        asyncio.run(self._record(id, fields))

    async def _record(self, id: UUID, fields: dict[str, object]) -> None:
        await self.keys.open()  # with secrets of another store nothing would be opened, so nothing is recorded
        streams = Streams(self.store)
        made = await streams.load(Export, id)
        made.record(PersonalDataExported, self.clock.now(), reason=self.reason, **fields)
        await streams.append(Step(), made)
