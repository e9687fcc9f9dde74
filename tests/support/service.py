"""A service on a bus in memory, for tests of hooks over the bus: what it is asked, and what it answers."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from limen.adapters.bus import MemoryBus
from limen.adapters.bus.memory.replies import Reply
from tests.support.engine import JsonDict


class Service:
    """A bus in memory with one service on it, that answers whatever it is told to and notes what it was asked."""

    def __init__(self) -> None:
        self.bus = MemoryBus(f"memory:{uuid4()}")
        self.asked: list[tuple[str, JsonDict, Mapping[str, str]]] = []

    def on(self, subject: str, *replies: Reply) -> None:
        """Answers on a subject: these in turn, the last one for good; without any, None."""
        left = list(replies)

        @self.bus.replies.reply(subject)
        async def answer(body: bytes, headers: Mapping[str, str]) -> Reply:
            self.asked.append((subject, json.loads(body), headers))
            return (left.pop(0) if len(left) > 1 else left[0]) if left else None

    def silent_on(self, subject: str) -> None:
        """Takes a question and never answers."""

        @self.bus.replies.reply(subject)
        async def wait(body: bytes, headers: Mapping[str, str]) -> Reply:
            self.asked.append((subject, json.loads(body), headers))
            await asyncio.Event().wait()
            return None

    @property
    def subjects(self) -> list[str]:
        """Where it was asked, in order."""
        return [subject for subject, _, _ in self.asked]


def ask(slot: str, id: str = "it", **parts: Any) -> JsonDict:
    """A hook over the bus; its subject is `ask.<id>`."""
    flow, phase, *method = slot.split(".")
    place = {"flow": flow, "phase": phase, **({"method": method[0]} if method else {})}
    return {**place, "hook": "bus", "id": id, "subject": f"ask.{id}", **parts}


def no(pointer: str = "#/", number: int = 7, text: str = "no") -> JsonDict:
    return {"messages": [{"instance_ptr": pointer, "messages": [{"id": number, "text": text, "type": "error"}]}]}
