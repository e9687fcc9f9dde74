"""Attempts: what is recorded of the tries of a delivery: begun, failed for now, ended.

Each is an append to the delivery's own stream. Where somebody else has appended to it meanwhile, the lease had run out
and they took it over: their record holds, and these say so by False.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from limen.domain.delivery import Delivery
from limen.domain.errors import StoreConflict
from limen.domain.ports import Step
from limen.domain.sending import Result
from limen.domain.streams import Streams
from limen.domain.tools import Tools

NEVER_SENT = ("erased", "nobody")
"""Why a delivery is canceled: its person was erased; nobody is known at its address, and a stranger is not told."""


class Attempts:
    """Records attempts; `wake` is called when another one is to be made later."""

    def __init__(self, tools: Tools, streams: Streams, wake: Callable[[], None]) -> None:
        self.clock = tools.clock
        self.streams = streams
        self._wake = wake

    async def begin(self, delivery: Delivery, attempt: int, lease: datetime) -> bool:
        """Takes a delivery on, or keeps it for longer: nobody else does until `lease`."""
        delivery.fire("attempt", self.clock.now(), attempt=attempt, lease=lease)
        return await self._append(Step(due=[(delivery.id, lease)]), delivery)

    async def postpone(
        self, delivery: Delivery, result: Result, started: datetime, next_at: datetime, due: datetime
    ) -> bool:
        """It failed for now. `due` is when the worker looks at it, `next_at` when it is to be tried again."""
        now = self.clock.now()
        assert result.failure is not None
        delivery.fire(
            "postpone",
            now,
            attempt=delivery.attempts,
            reason=result.failure.reason,
            status=result.status,
            duration=_spent(started, now),
            next_at=next_at,
            response_digest=result.digest,
        )
        postponed = await self._append(Step(due=[(delivery.id, due)]), delivery)
        self._wake()
        return postponed

    async def leave(self, delivery: Delivery) -> None:
        """Leaves to the worker what was taken on and never tried."""
        now = self.clock.now()
        delivery.fire("postpone", now, attempt=delivery.attempts, reason="not_reached", duration=0.0, next_at=now)
        await self._append(Step(due=[(delivery.id, now)]), delivery)
        self._wake()

    async def end(self, delivery: Delivery, result: Result, started: datetime) -> bool:
        """It arrived, or is given up."""
        now = self.clock.now()
        fields: dict[str, Any] = {
            "attempt": delivery.attempts,
            "status": result.status,
            "duration": _spent(started, now),
            "response_digest": result.digest,
        }
        if result.failure is None:
            delivery.fire("deliver", now, verdict=result.verdict, **fields)
        elif result.failure.reason in NEVER_SENT:
            delivery.fire("cancel", now, reason=result.failure.reason)
        else:
            delivery.fire("park", now, reason=result.failure.reason, detail=result.failure.detail, **fields)
        return await self._append(Step(done=[delivery.id]), delivery)

    async def _append(self, step: Step, delivery: Delivery) -> bool:
        try:
            await self.streams.append(step, delivery)
        except StoreConflict:
            delivery.collect_events()
            return False
        return True


def _spent(since: datetime, now: datetime) -> float:
    return round((now - since).total_seconds() * 1000, 3)
