"""What is asked of the store, counted: who is known must not take more of it than who is not."""

from typing import Any

from limen.domain.ports import Step
from tests.support.engine import House


class Counting:
    """Notes what is read from the store and written to it."""

    def __init__(self, house: House) -> None:
        self.store: Any = house.engine.streams.store
        self.calls: list[Any] = []
        house.engine.streams.store = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def events(self, *args: Any) -> Any:
        self.calls.append("events")
        return await self.store.events(*args)

    async def vault(self, *args: Any) -> Any:
        self.calls.append("vault")
        return await self.store.vault(*args)

    async def append(self, step: Step) -> None:
        rows = [row.kind for row in step.put if row.kind != "mention"]
        self.calls.append((len(step.events), rows, len(step.drop), len(step.due), len(step.done)))
        await self.store.append(step)
