"""The state machines, as tables. `transitions` runs them; diagrams are drawn from the same rows.

A row names a trigger, the states it may leave, where it leads, and the ONE event it emits. The destination `BACK` is
where the submission came from (the form, or the form that asks for a code); `STAY` is an internal transition.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from transitions import Event, EventData, Machine, Transition

from limen.domain.configuration import FlowKind
from limen.domain.errors import IllegalTrigger

if TYPE_CHECKING:
    from datetime import datetime

BACK = "(back)"
STAY = "(same)"
FORM = "choose_method"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: `trigger` leads from any of `sources` to `dest` and emits `event`."""

    trigger: str
    sources: tuple[str, ...]
    dest: str
    event: str


@dataclass(frozen=True, slots=True)
class Table:
    """One machine: its name, the event that creates it, the state it begins in, its rows and its ends."""

    name: str
    creation: str
    initial: str
    rows: tuple[Row, ...]
    ends: tuple[str, ...]
    backs: tuple[str, ...] = ()
    """The states `BACK` may mean."""

    @property
    def states(self) -> tuple[str, ...]:
        """Every state, in the order of the rows, ends last."""
        named = [self.initial]
        for row in self.rows:
            named += [*row.sources, *((row.dest,) if row.dest not in (BACK, STAY) else self.backs)]
        return tuple(dict.fromkeys([*(s for s in named if s not in self.ends), *self.ends]))

    def event_of(self, trigger: str) -> str:
        """The event a trigger emits."""
        return next(row.event for row in self.rows if row.trigger == trigger)

    def allowed(self, state: str) -> tuple[str, ...]:
        """The triggers a state may leave by, or run inside itself."""
        return tuple(row.trigger for row in self.rows if state in row.sources)

    def edges(self) -> list[tuple[str, str, str, str]]:
        """(source, trigger, destination, event) for every arrow; `BACK` spelled out as each place it may mean."""
        return [
            (source, row.trigger, dest, row.event)
            for row in self.rows
            for source in row.sources
            for dest in self._destinations(row, source)
        ]

    def _destinations(self, row: Row, source: str) -> Iterable[str]:
        if row.dest == BACK:
            return self.backs
        return (source,) if row.dest == STAY else (row.dest,)


class Stateful(Protocol):
    """What a machine moves: an aggregate with a state, that can record an event."""

    state: str
    back: str

    def emit(self, event: str, at: "datetime", fields: Mapping[str, Any]) -> None:
        """Records the event of the transition that has just been made."""


def _rows(
    form: str, *, challenges: bool, opens_challenged: bool, shows: bool, steps: bool, turns: bool
) -> tuple[Row, ...]:
    """The common table of the five flows (design.md §4). `form` is the state that waits for a submission."""
    waiting = (form, "sent_email") if challenges else (form,)
    running = ("preparing", "finishing")
    rows = [
        Row("open", ("preparing",), form, "FlowOpened"),
        Row("reject", ("preparing",), "rejected", "FlowRejected"),
        Row("submit", waiting, "authenticating", "MethodSubmitted"),
        Row("accept", ("authenticating",), "finishing", "MethodAccepted"),
        Row("refuse", ("authenticating", "finishing"), BACK, "MethodRefused"),
        Row("dismiss", waiting, STAY, "SubmissionDismissed"),
        Row("plan", running, STAY, "ActionsPlanned"),
        Row("begin_action", running, STAY, "ActionStarted"),
        Row("answer_action", running, STAY, "ActionAnswered"),
        Row("cancel_action", running, STAY, "ActionCanceled"),
        Row("fail_action", running, STAY, "ActionFailed"),
        Row("interrupt", ("finishing",), BACK, "FlowInterrupted"),
        Row("release", ("authenticating", "finishing"), BACK, "FlowReleased"),
        Row("complete", ("finishing",), "completed", "FlowCompleted"),
        Row("fail", ("preparing", "authenticating", "finishing"), "failed", "FlowFailed"),
        Row("expire", ("preparing", *waiting), "expired", "FlowExpired"),
    ]
    if challenges:
        rows.insert(6, Row("challenge", ("authenticating",), "sent_email", "ChallengeSent"))
    if shows:
        rows.insert(4, Row("show", ("authenticating",), BACK, "SecretsShown"))
    if steps:
        rows.insert(5, Row("advance", ("authenticating",), form, "FormAdvanced"))
        rows.insert(6, Row("redirect", ("authenticating",), BACK, "FlowRedirected"))
    if turns:
        rows.insert(-2, Row("turn", ("authenticating", "finishing"), "turned", "FlowTurned"))
    if opens_challenged:
        rows.insert(1, Row("open_challenged", ("preparing",), "sent_email", "FlowOpenedChallenged"))
    return tuple(rows)


def _flow(
    kind: FlowKind,
    form: str,
    *,
    challenges: bool = True,
    opens_challenged: bool = False,
    shows: bool = False,
    steps: bool = False,
    turns: bool = False,
) -> Table:
    return Table(
        name=kind.value,
        creation="FlowInitiated",
        initial="preparing",
        rows=_rows(
            form, challenges=challenges, opens_challenged=opens_challenged, shows=shows, steps=steps, turns=turns
        ),
        ends=("completed", *(("turned",) if turns else ()), "rejected", "failed", "expired"),
        backs=(form, "sent_email") if challenges else (form,),
    )


FLOWS: Mapping[FlowKind, Table] = {
    FlowKind.LOGIN: _flow(FlowKind.LOGIN, FORM, opens_challenged=True, steps=True, turns=True),
    FlowKind.REGISTRATION: _flow(FlowKind.REGISTRATION, FORM, steps=True, turns=True),
    FlowKind.RECOVERY: _flow(FlowKind.RECOVERY, FORM),
    FlowKind.VERIFICATION: _flow(FlowKind.VERIFICATION, FORM, opens_challenged=True),
    FlowKind.SETTINGS: _flow(FlowKind.SETTINGS, "show_form", challenges=False, shows=True, steps=True),
}
"""The five flows. A verification that another flow starts by itself opens with its code already on the way, and so may
a login for a second factor. A form that goes a step on no longer waits for a code that it had sent before.
"""

DELIVERY = Table(
    name="delivery",
    creation="DeliveryScheduled",
    initial="scheduled",
    rows=(
        Row("attempt", ("scheduled", "waiting", "attempting"), "attempting", "DeliveryStarted"),
        Row("deliver", ("attempting",), "delivered", "DeliveryDelivered"),
        Row("postpone", ("attempting",), "waiting", "DeliveryAttempted"),
        Row("park", ("attempting",), "dead", "DeliveryParked"),
        Row("cancel", ("scheduled", "attempting", "waiting"), "canceled", "DeliveryCanceled"),
    ),
    ends=("delivered", "dead", "canceled"),
)
"""One action execution after the commit. `attempt` from `attempting` takes over from a process that died."""

TABLES: Mapping[str, Table] = {kind.value: table for kind, table in FLOWS.items()} | {"delivery": DELIVERY}


class _Arrow(Transition):
    """A transition that changes the state and records its event: no table here gives states callbacks of their own."""

    def execute(self, event_data: EventData) -> bool:
        if self.conditions and not self._eval_conditions(event_data):
            return False
        if self.dest:
            cast("Stateful", event_data.model).state = self.dest
        _emit(event_data)
        return True


class _Trigger(Event):
    """An event that goes to its transitions at once: the library's queue and log around them cost ten times as much."""

    def trigger(self, model: object, *args: Any, **kwargs: Any) -> bool:
        data = EventData(None, self, self.machine, model, args=args, kwargs=kwargs)
        arrows = self.transitions.get(cast("Stateful", model).state, ())
        return any(arrow.execute(data) for arrow in arrows)


class _TableMachine(Machine):
    transition_cls = _Arrow
    event_cls = _Trigger


@lru_cache
def _machine(name: str) -> Machine:
    table = TABLES[name]
    machine = _TableMachine(
        model=None, states=list(table.states), initial=table.initial, auto_transitions=False, send_event=True
    )
    for row in table.rows:
        if row.dest == BACK:
            for back in table.backs:
                machine.add_transition(row.trigger, list(row.sources), back, conditions=_came_from(back))
        else:
            machine.add_transition(row.trigger, list(row.sources), None if row.dest == STAY else row.dest)
    return machine


def _came_from(back: str) -> Any:
    def condition(event: EventData) -> bool:
        return bool(cast("Stateful", event.model).back == back)

    return condition


def _emit(event: EventData) -> None:
    """The one place where a transition becomes an event."""
    model = cast("Stateful", event.model)
    kwargs = event.kwargs
    model.emit(kwargs["_event"], kwargs["_at"], kwargs["_fields"])


@lru_cache
def _events(name: str) -> dict[tuple[str, str], str]:
    """(state, trigger) → event, for a quick answer whether a trigger is allowed."""
    return {(source, row.trigger): row.event for row in TABLES[name].rows for source in row.sources}


def fire(name: str, model: Stateful, trigger: str, at: "datetime", **fields: Any) -> None:
    """Moves the model by one row of the table `name`; its event is recorded with `fields`, at the time `at`.

    Raises `IllegalTrigger` where the table has no such row; then nothing has happened.
    """
    event = _events(name).get((model.state, trigger))
    if event is None:
        raise IllegalTrigger(name, model.state, trigger, TABLES[name].allowed(model.state))
    if not _machine(name).events[trigger].trigger(model, _event=event, _at=at, _fields=fields):
        raise IllegalTrigger(name, model.state, trigger, TABLES[name].allowed(model.state))
