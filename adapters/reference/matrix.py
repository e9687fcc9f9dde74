"""The matrix of lists: for each flow and method, which list runs and in which order, whatever lists there are.

Worked out by the rules themselves on one example: in every list stand a web hook that parses, a plain one, one that is
ignored, and the built-in actions that may stand there. A test goes through every row with a real engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from limen.adapters.reference.markdown import code, page, table
from limen.domain.action import Action, WebHook
from limen.domain.configuration import Configuration, FlowKind, FlowSettings, Slot
from limen.domain.placement import LIST_METHODS, PLACEMENT
from limen.domain.precedence import Rule, known_methods, resolve
from limen.domain.timing import Timing, timing_of

LISTS: Mapping[str, tuple[str, ...]] = {
    "default list": ("default",),
    "method list": ("method",),
    "empty method list": ("default", "empty"),
    "both": ("default", "method"),
}
"""The lists there may be, by the name of the case. `empty` is a method's list without an entry."""

BUILT_IN = ("session", "revoke_active_sessions")
"""Stand first in every list that may hold them, so that it shows where they run."""

_INTRODUCTION = """In every list stand a web hook that parses its answer, a plain one, one whose answer is ignored, and
before them `session` and `revoke_active_sessions` where they may stand. Each cell names the list that runs."""
_ORDER = """A method's list overrides the default one; an empty one is none; the lists are never merged. What runs, in
order, and when, seen from the commit:"""


@dataclass(frozen=True, slots=True)
class Case:
    """One flow, one method, the lists there are; what runs then: the rule, and each action with its time, in order."""

    flow: FlowKind
    method: str
    lists: str
    rule: Rule
    runs: tuple[tuple[str, Timing], ...]

    def at(self, *timings: str) -> list[str]:
        """The actions that run at these times, in order."""
        return [name for name, timing in self.runs if timing in timings]


def entries(flow: FlowKind, method: str | None) -> tuple[str, ...]:
    """The actions of one list, as the example has them: `parse`, `plain`, `ignore`, and built-in ones by their name."""
    slot = Slot(flow, "after", method)
    return (*(name for name in BUILT_IN if slot in PLACEMENT[name]), "parse", "plain", "ignore")


def cases() -> tuple[Case, ...]:
    """Every row. Recovery and verification have one list, whatever the method."""
    rows = []
    for flow in FlowKind:
        for method, lists in product(known_methods(flow), LISTS if LIST_METHODS[flow] else ("default list",)):
            rows.append(_case(flow, method, lists))
    return tuple(rows)


def matrix_page() -> str:
    """The table of lists, and what runs of each."""
    every = cases()
    rows = []
    for flow, method in dict.fromkeys((case.flow, case.method) for case in every):
        chosen: dict[str, Rule] = {
            case.lists: case.rule for case in every if (case.flow, case.method) == (flow, method)
        }
        rows.append([code(flow.value), code(method), *(_chosen(chosen.get(lists), method) for lists in LISTS)])
    orders: dict[tuple[str, ...], list[str]] = {}
    for case in every:
        if case.lists in ("both", "default list"):
            orders.setdefault(_order(case), []).append(code(case.method))
    ordered = [[flow, ", ".join(methods), *rest] for (flow, *rest), methods in orders.items()]
    return page(
        "Which list runs, and in which order",
        _INTRODUCTION,
        table(["flow", "method", *LISTS], rows),
        "## In which order",
        _ORDER,
        table(
            ["flow", "methods", "list", "before the commit", "with it", "after it, awaited", "delivered later"], ordered
        ),
    )


def _chosen(rule: Rule | None, method: str) -> str:
    if rule is None:
        return "–"
    return "default" if rule == "default" else f"of {code(method)}"


def _order(case: Case) -> tuple[str, ...]:
    timings: tuple[Timing, ...] = ("before_commit", "with_commit", "after_commit", "delivery")
    ran = [", ".join(code(name.partition(".")[2]) for name in case.at(timing)) for timing in timings]
    return code(case.flow.value), "default" if case.rule == "default" else "of the method", *ran


def _case(flow: FlowKind, method: str, lists: str) -> Case:
    has = LISTS[lists]
    default = _list(flow, None) if "default" in has else ()
    own = {method: _list(flow, method) if "method" in has else ()} if {"method", "empty"} & set(has) else {}
    settings = FlowSettings(after=default, after_methods=own)
    configuration = Configuration(flows={flow: settings}, methods={}, schemas={}, default_schema="")
    chosen = resolve(configuration, Slot(flow, "after", method))
    runs: tuple[tuple[str, Timing], ...] = tuple(
        (action.id, timing_of(flow, "after", action)) for action in chosen.actions
    )
    return Case(flow, method, lists, chosen.rule, runs)


def _list(flow: FlowKind, method: str | None) -> tuple[Action, ...]:
    name = "default" if method is None else "method"
    return tuple(
        Action(
            hook=entry if entry in BUILT_IN else "web_hook",
            id=f"{name}.{entry}",
            source="",
            position=position,
            web_hook=None if entry in BUILT_IN else WebHook("", parse=entry == "parse", ignore=entry == "ignore"),
        )
        for position, entry in enumerate(entries(flow, method))
    )
