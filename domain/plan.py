"""Plan: which actions a slot runs, in which order, chosen by which rule.

The configured list, the hooks over the bus and the Python list of a slot are resolved separately, each by the rule that
a method's list overrides the default one; every action says which of the two its list was. Configured actions run
first, then hooks over the bus, then Python handlers, `session` and `verify_new_address` last of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from limen.domain.action import Action, ActionSettings
from limen.domain.action_events import ActionRef, Origin, PlannedAction
from limen.domain.configuration import FlowKind, Slot
from limen.domain.handler import Actions, RegisteredHandler
from limen.domain.precedence import LAST, VERIFY_NEW_ADDRESS, Rule, resolve, resolve_hooks
from limen.domain.rules import Rules
from limen.domain.timing import Timing, timing_of

SETTINGS = Slot(FlowKind.SETTINGS, "after", "profile")
"""The slot whose changes may wait for a verification."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One action of a plan: where it stands, when it runs, the rule that chose its list, and what it is."""

    ref: ActionRef
    source: str
    timing: Timing
    rule: Rule
    action: Action | None = None
    handler: RegisteredHandler | None = None

    @property
    def calls_out(self) -> bool:
        """Whether something leaves the process through it while the flow waits."""
        if self.timing not in ("before", "before_commit"):
            return False
        if self.handler is not None:
            return not self.handler.pure
        return self.action is not None and self.action.asks

    @property
    def forgiven(self) -> bool:
        """Whether the flow goes on when it fails (`on_failure: continue`); the failure is on record all the same."""
        bus = self.action.bus if self.action is not None else None
        return bus is not None and bus.on_failure == "continue"

    @property
    def settings(self) -> ActionSettings:
        """Its timeout, retries, concurrency and secrets."""
        return settings_of(self.action, self.handler)

    @property
    def delivered(self) -> bool:
        """Whether it becomes a delivery."""
        return self.timing in ("after_commit", "delivery")

    @property
    def origin(self) -> Origin:
        """Whose list it stands in."""
        if self.action is None:
            return "python"
        return "configured" if self.action.bus is None else "bus"

    def event(self, delivery: UUID | None = None) -> PlannedAction:
        """As it stands in `ActionsPlanned`."""
        return PlannedAction.model_construct(
            hook=self.ref.hook,
            id=self.ref.id,
            position=self.ref.position,
            phase=self.ref.phase,
            method=self.ref.method,
            source=self.source,
            timing=self.timing,
            origin=self.origin,
            rule=self.rule,
            delivery=delivery,
        )


def settings_of(action: Action | None, handler: RegisteredHandler | None) -> ActionSettings:
    """What `limen.yml` says of an action; a handler has the time it was registered with where that says none."""
    settings = action.settings if action else ActionSettings()
    if handler is None or "timeout" in settings.given:
        return settings
    return replace(settings, timeout=handler.timeout)


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions of one slot. `rule` is `method` or `default`, for the configured list, an empty one included."""

    slot: Slot
    rule: Rule
    actions: tuple[Planned, ...]
    events: tuple[PlannedAction, ...] = field(init=False, repr=False, compare=False)
    """The same as `ActionsPlanned` holds them: a plan is worked out once for a slot, and recorded for every flow."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", tuple(planned.event() for planned in self.actions))

    def timed(self, *timings: str) -> Sequence[Planned]:
        """Those that run at these times, in order."""
        return [planned for planned in self.actions if planned.timing in timings]

    def has(self, hook: str) -> bool:
        """Whether an action of this name is among them."""
        return any(planned.ref.hook == hook for planned in self.actions)

    @property
    def calls_out(self) -> bool:
        """Whether anything leaves the process before the commit."""
        return any(planned.calls_out for planned in self.actions)

    @property
    def patience(self) -> float:
        """Seconds that all blocking actions together may take."""
        return sum(planned.settings.timeout for planned in self.actions if planned.calls_out)


def plan(rules: Rules, handlers: Actions, slot: Slot) -> Plan:
    """The plan of a slot under these rules."""
    chosen, hooks, own = resolve(rules.configuration, slot), resolve_hooks(rules.configuration, slot), handlers.of(slot)
    configured = [_configured(action, handlers, slot, chosen.rule) for action in chosen.actions]
    bus = [_configured(action, handlers, slot, hooks.rule) for action in hooks.actions]
    python = [_python(handler, slot, position, own.rule) for position, handler in enumerate(own.actions)]
    last = [planned for planned in configured if planned.ref.hook in LAST]
    first = [planned for planned in configured if planned.ref.hook not in LAST]
    return Plan(slot, chosen.rule, (*first, *bus, *python, *last))


def left_of(settings: Plan) -> list[Planned]:
    """What of the settings' actions runs when a change comes true that waited.

    `verify_new_address` once more, and what runs with and after a change.
    """
    return [one for one in settings.actions if one.timing != "before_commit" or one.ref.hook == VERIFY_NEW_ADDRESS]


def continued(settings: Plan, own: Plan) -> Plan:
    """The plan of a verification that makes a waiting change true: what is left of the settings' comes first."""
    return Plan(own.slot, own.rule, (*left_of(settings), *own.actions))


def _configured(action: Action, handlers: Actions, slot: Slot, rule: Rule) -> Planned:
    ref = ActionRef.model_construct(
        hook=action.hook, id=action.id, position=action.position, phase=slot.phase, method=slot.method
    )
    handler = handlers.by_name(action.hook) if not action.asks else None
    timing = _handler_timing(handler, slot) if handler else timing_of(slot.flow, slot.phase, action)
    return Planned(ref, action.source, timing, rule, action, handler)


def _python(handler: RegisteredHandler, slot: Slot, position: int, rule: Rule) -> Planned:
    ref = ActionRef.model_construct(
        hook="python", id=handler.id, position=position, phase=slot.phase, method=slot.method
    )
    return Planned(ref, f"python:{handler.id}", _handler_timing(handler, slot), rule, None, handler)


def _handler_timing(handler: RegisteredHandler, slot: Slot) -> Timing:
    if handler.when == "delivery":
        return "delivery"
    return "before" if slot.phase == "before" else handler.when
