"""Leaders that let the other members of their group speak first, for librdkafka's mock cluster.

Of the members of a group, the leader tells the server who gets what, and the others ask it. The mock cluster takes the
sharing out for ended when the leader has spoken, and refuses whoever asks later (InvalidRequestError); a real server
answers them. With this, a leader in this process waits for them.
"""

import asyncio
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import (  # type: ignore[import-untyped]  # it comes without types
    CoordinatorGroupRebalance,
)

MOMENT = 0.2
"""Seconds within which others have asked."""


def let_leaders_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the rest of the test."""
    speak = CoordinatorGroupRebalance._on_join_leader

    async def wait_and_speak(self: Any, response: Any) -> Any:
        await asyncio.sleep(MOMENT)
        return await speak(self, response)

    monkeypatch.setattr(CoordinatorGroupRebalance, "_on_join_leader", wait_and_speak)
