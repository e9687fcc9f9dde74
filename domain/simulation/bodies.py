"""Bodies: what an action would send, beside what was sent.

Where template and context are the same nothing is rendered: the body is the one that was sent. What is rendered is
compared by its keyed digest, for a sent body is not kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from limen.domain.action import Action
from limen.domain.ports import PreparedRequest
from limen.domain.preparation import prepare, standard_payload
from limen.domain.simulation.drift import Path, looked_into, schemas_differ
from limen.domain.simulation.pairing import template_of
from limen.domain.simulation.turn import Turn
from limen.domain.templating import TemplateCanceled, TemplateFailed, Templates

Context = Mapping[str, Any]
NOT_KEPT = "the context it would be given is not on record"
LOOKS_THERE = "its template looks at what the new configuration would have filled differently"
_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Body:
    """What a template came to. `verdict` is `cancel` or `fail` where there is no request, `why` why nobody knows.

    `request` is the whole request of a web hook; None for a hook over the bus.
    """

    data: bytes | None = field(default=None, repr=False)
    request: PreparedRequest | None = field(default=None, repr=False)
    verdict: str | None = None
    why: str | None = None


class Bodies:
    """Renders the bodies of one turn's actions, as if they were sent at `turn.at`."""

    def __init__(self, templates: Templates, turn: Turn, drift: frozenset[Path]) -> None:
        self._templates = templates
        self._turn = turn
        self._drift = drift

    @property
    def drifts(self) -> bool:
        """Whether the new configuration would have filled any part of a context differently."""
        return bool(self._drift)

    @property
    def remakes_identities(self) -> bool:
        """Whether the new configuration has other identity schemas."""
        return schemas_differ(self._drift)

    async def of(self, action: Action, ctx: Context | None) -> Body:
        """The body of an action in this context."""
        template = template_of(action)
        if ctx is None:
            return Body(why=NOT_KEPT)
        rendered = await self._rendered(template, ctx, action.id) if template is not None else Body()
        if template is not None and await self._drifts(template, ctx, rendered):
            return Body(why=LOOKS_THERE)
        if rendered.verdict is not None:
            return rendered
        try:
            return self._prepared(action, rendered.data, ctx)
        except TemplateFailed:
            return Body(verdict="fail")

    async def unmoved(self, action: Action, ctx: Context | None) -> bool:
        """Whether an action whose template and recorded context are the same sends the same, whatever has drifted."""
        template = template_of(action)
        if template is None or not self._drift:
            return True
        if ctx is None:
            return False
        rendered = await self._rendered(template, ctx, action.id)
        return not await self._drifts(template, ctx, rendered)

    async def _drifts(self, template: str, ctx: Context, rendered: Body) -> bool:
        mined = looked_into(template, ctx, self._drift)
        if mined is None:
            return False
        careful = await self._rendered(mined, ctx, "drift")
        if rendered.verdict == "fail":
            return True  # by the same fault or by another: nobody knows
        return careful != rendered

    async def _rendered(self, template: str, ctx: Context, name: str) -> Body:
        try:
            return Body(await self._templates.render(template, ctx, name=name))
        except TemplateCanceled:
            return Body(verdict="cancel")
        except TemplateFailed:
            return Body(verdict="fail")

    def _prepared(self, action: Action, rendered: bytes | None, ctx: Context) -> Body:
        slot, at = self._turn.slot, self._turn.at
        if action.bus is not None:
            payload = standard_payload(str(slot).split(".")[:2], ctx, slot.method, at)
            return Body(payload if rendered is None else rendered)
        request = prepare(action, rendered, trigger_id=_NOBODY, ctx=ctx, method=slot.method, at=at)
        return Body(request.body or b"", request)
