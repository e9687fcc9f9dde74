"""Listening: everything that is said to an engine, and by it, is told to somebody else too."""

from collections.abc import Mapping
from typing import Any, Protocol

from limen.domain import FlowView, Outcome
from tests.support.engine import House


class Listener(Protocol):
    """Who listens."""

    def typed(self, values: Mapping[str, Any]) -> None:
        """The fields of a submission, or of the address somebody came back to."""

    def flow(self, flow: FlowView) -> None:
        """A flow as its user sees it."""

    def outcome(self, outcome: Outcome) -> None:
        """What a submission came to."""


def listen(house: House, listener: Listener) -> None:
    """Everything that is said to the engine, and by it, is told to a listener from now on."""
    engine: Any = house.engine
    start, submit, resume = engine.start, engine.submit, engine.resume

    async def started(kind: str, **options: Any) -> FlowView:
        flow: FlowView = await start(kind, **options)
        listener.flow(flow)
        return flow

    async def submitted(flow_id: Any, *, values: Mapping[str, Any], **options: Any) -> Outcome:
        listener.typed(values)
        outcome: Outcome = await submit(flow_id, values=values, **options)
        listener.outcome(outcome)
        return outcome

    async def resumed(flow_id: Any, **options: Any) -> Outcome:
        listener.typed({**(options.get("query") or {}), **(options.get("values") or {})})
        outcome: Outcome = await resume(flow_id, **options)
        listener.outcome(outcome)
        return outcome

    engine.start, engine.submit, engine.resume = started, submitted, resumed
