"""Precedence: which list of actions runs.

`before`: the flow's list. `after` with a method: that method's list if it has an entry, else the flow's default list;
never both. The rule is the same for every action, and for Python handlers and hooks over the bus, each kind among its
own. What decides whether there is a commit, and `session`, run last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from limen.domain.action import Action
from limen.domain.configuration import Configuration, FlowKind, Slot
from limen.domain.placement import LIST_METHODS, SINGLE_LIST_METHODS, TRIGGERS

Rule = Literal["method", "default"]
T = TypeVar("T")
SESSION = "session"
VERIFY_NEW_ADDRESS = "verify_new_address"
LAST = (SESSION, VERIFY_NEW_ADDRESS)
"""The actions that run last: one looks at what all the others have made of a change, the other at what was stored."""


@dataclass(frozen=True, slots=True)
class Resolved(Generic[T]):
    """The actions of one kind in a slot, in the order they run, and the rule that chose their list."""

    actions: tuple[T, ...]
    rule: Rule


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One row of the whole matrix: a slot, and what it resolves to."""

    slot: Slot
    actions: tuple[Action, ...]
    rule: Rule


def known_methods(flow: FlowKind | None) -> tuple[str, ...]:
    """The methods that may be asked for after this flow; none for a logout."""
    return () if flow is None else LIST_METHODS[flow] or SINGLE_LIST_METHODS


def choose(
    default: Sequence[T], by_method: Mapping[str, Sequence[T]], method: str | None
) -> tuple[tuple[T, ...], Rule]:
    """The method's list if it has an entry, else the default list; and which of them it was. Never merged."""
    own = by_method.get(method, ()) if method is not None else ()
    return (tuple(own), "method") if own else (tuple(default), "default")


def choose_listed(listed: Mapping[Slot, Sequence[T]], slot: Slot) -> Resolved[T]:
    """The same choice where the lists stand by slot."""
    own = {slot.method: listed.get(slot, ())} if slot.method is not None else {}
    return Resolved(*choose(listed.get(Slot(slot.flow, slot.phase), ()), own, slot.method))


def resolve(configuration: Configuration, slot: Slot) -> Resolved[Action]:
    """What runs in this slot. Raises ValueError for a method that the flow does not know, naming those it does."""
    known = known_methods(slot.flow)
    if slot.method is not None and slot.method not in known:
        raise ValueError(f"{slot.flow} knows no method '{slot.method}'; it knows {', '.join(known)}")
    if slot.flow is None or slot.phase == "failed":
        return choose_listed(configuration.triggers, slot)
    settings = configuration.flow(slot.flow)
    if slot.phase == "before":
        return Resolved(ordered(settings.before), "default")
    actions, rule = choose(settings.after, settings.after_methods, slot.method)
    return Resolved(ordered(actions), rule)


def resolve_hooks(configuration: Configuration, slot: Slot) -> Resolved[Action]:
    """The hooks over the bus that run in this slot, chosen among themselves by the same rule."""
    return choose_listed(configuration.hooks, slot)


def ordered(actions: Sequence[Action]) -> tuple[Action, ...]:
    """The same actions in the same order, those of `LAST` moved behind the others."""
    return tuple(sorted(actions, key=lambda action: action.hook in LAST))


def matrix(configuration: Configuration) -> tuple[MatrixRow, ...]:
    """Every flow, phase and method, with what runs there: first the flow's defaults, then each of its methods."""
    rows = []
    for flow in FlowKind:
        methods = (Slot(flow, "after", name) for name in known_methods(flow))
        for slot in (Slot(flow, "before"), Slot(flow, "after"), *methods):
            resolved = resolve(configuration, slot)
            rows.append(MatrixRow(slot, resolved.actions, resolved.rule))
    return tuple(rows)


def trigger_rows(configuration: Configuration) -> tuple[MatrixRow, ...]:
    """The same for the triggers of `limen.yml`: a failed login, by its methods, and a logout."""
    methods = LIST_METHODS[FlowKind.LOGIN]
    order = sorted(TRIGGERS, key=lambda slot: (slot.flow is None, methods.index(slot.method) if slot.method else -1))
    found = ((slot, resolve(configuration, slot)) for slot in order)
    return tuple(MatrixRow(slot, resolved.actions, resolved.rule) for slot, resolved in found)
