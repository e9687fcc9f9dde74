"""Stand-ins: the Python handlers of a recorded plan, where those of the application are not at hand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from limen.domain.action_events import ActionRef, PlannedAction
from limen.domain.placement import PLACEMENT
from limen.domain.plan import Planned
from limen.domain.precedence import LAST
from limen.domain.timing import Timing


def with_stand_ins(new: Sequence[Planned], old: Sequence[PlannedAction]) -> list[Planned]:
    """The plan with the handlers of the recorded one, when the application's are not at hand.

    Python handlers stand in their place, before those that run last and after all others; a name of the configuration
    runs when it ran then.
    """
    when = {one.hook: one for one in old}
    listed = [
        replace(one, timing=_timing(when[one.ref.hook])) if one.ref.hook in when and _named(one) else one for one in new
    ]
    python = [Planned(_ref(one), one.source, _timing(one), one.rule or "default") for one in old if _python(one)]
    last = [one for one in listed if one.ref.hook in LAST]
    return [*(one for one in listed if one.ref.hook not in LAST), *python, *last]


def _named(one: Planned) -> bool:
    """Whether it is a handler that the configuration names."""
    return one.action is not None and not one.action.asks and one.ref.hook not in PLACEMENT


def _python(one: PlannedAction) -> bool:
    return one.origin == "python"


def _ref(one: PlannedAction) -> ActionRef:
    return ActionRef.model_construct(
        hook=one.hook, id=one.id, position=one.position, phase=one.phase, method=one.method
    )


def _timing(one: PlannedAction) -> Timing:
    """As it was recorded, by the domain itself."""
    return cast("Timing", one.timing)
