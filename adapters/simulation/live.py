"""Live: real endpoints asked on behalf of a simulation, only for actions that somebody named."""

from collections.abc import Collection
from dataclasses import replace

from limen.domain.answer import Verdict
from limen.domain.calling import judge
from limen.domain.errors import LimenError
from limen.domain.plan import Planned
from limen.domain.ports import Answer, Caller, CallFailed, Clock, Ids, PreparedRequest

HEADER = "Limen-Simulation"
"""Says to who is asked that nothing has happened: whoever gets it should answer and do nothing else."""


class NoSuchHook(LimenError):
    """There is no web hook of this name to ask."""

    id = "web_hook_not_found"


class LiveActions:
    """Implements the `Live` port: one attempt a request, with the action's own deadline."""

    def __init__(self, actions: Collection[str], caller: Caller, clock: Clock, ids: Ids) -> None:
        self._actions = frozenset(actions)
        self._caller = caller
        self._clock = clock
        self._ids = ids

    def wanted(self, planned: Planned) -> bool:
        """Whether this action may ask."""
        return planned.ref.id in self._actions

    async def ask(self, planned: Planned, request: PreparedRequest, *, modifies: bool) -> Verdict:
        """The verdict of a real answer."""
        marked = replace(request, headers=(*request.headers, (HEADER, "true")), trigger_id=self._ids.new())
        answer: Answer | CallFailed
        try:
            answer = await self._caller.call(
                marked, request_id=self._ids.new(), timeout=planned.settings.timeout, sent_at=self._clock.now()
            )
        except CallFailed as failed:
            answer = failed
        hook = planned.action.web_hook if planned.action is not None else None
        return judge(answer, parses=hook is not None and hook.parses, modifies=modifies)
