"""Flows × methods × lists: which actions ran, in which order, and on which side of the commit, seen from their target.

The table is the one the reference shows (docs/reference/matrix.md); what it must say at all is told here once more, in
the words of the rules.
"""

from collections.abc import Mapping

import pytest

from limen.adapters.reference.matrix import BUILT_IN, LISTS, Case, cases, entries
from limen.adapters.sink import Received, Reply
from tests.support.engine import House, JsonDict, hook, ignore, open_house, parse
from tests.support.performing import PERFORMANCES, sections

CASES = {f"{case.flow}-{case.method}-{case.lists.replace(' ', '-')}": case for case in cases()}
BEFORE = "/before"

RULE = {"default list": "default", "method list": "method", "empty method list": "default", "both": "method"}
"""Rule 2: the method's list if it has an entry, else the flow's; never both."""

AROUND: Mapping[str, tuple[list[str], list[str]]] = {
    "login": (["parse", "plain"], []),
    "registration": (["parse"], ["plain"]),
    "recovery": (["parse"], ["plain"]),
    "verification": (["parse"], ["plain"]),
    "settings": (["parse"], ["plain"]),
}
"""Which web hooks are called before the commit, and which after it, while the client waits."""


@pytest.mark.parametrize("name", CASES)
def test_the_table_says_what_the_rules_say(name: str) -> None:
    case = CASES[name]
    assert case.rule == RULE[case.lists]
    before, after = AROUND[case.flow]
    assert case.at("before_commit") == [f"{case.rule}.{one}" for one in before]
    assert case.at("after_commit") == [f"{case.rule}.{one}" for one in after]
    assert case.at("delivery") == [f"{case.rule}.ignore"]
    if case.flow == "registration":
        assert case.runs[-1] == (f"{case.rule}.session", "with_commit"), "`session` runs last wherever it stands"


def listed(case: Case) -> dict[str, list[JsonDict]]:
    """The lists of a case as a configuration has them, and a `before` action."""
    slots: dict[str, list[JsonDict]] = {f"{case.flow}.before": [hook(BEFORE)]}
    for which in LISTS[case.lists]:
        own = f"{case.flow}.after.{case.method}"
        slots[f"{case.flow}.after" if which == "default" else own] = [] if which == "empty" else _entries(case, which)
    return slots


def _entries(case: Case, which: str) -> list[JsonDict]:
    made = {"parse": parse, "plain": hook, "ignore": ignore}
    named = entries(case.flow, None if which == "default" else case.method)
    return [{"hook": one} if one in BUILT_IN else made[one](f"/{which}.{one}", id=f"{which}.{one}") for one in named]


class Told:
    """What the target was told, in order, each with whether the flow was completed by then."""

    def __init__(self, house: House) -> None:
        self.calls: list[tuple[str, bool]] = []
        self.house = house
        self.done = len(house.log("FlowCompleted"))
        for path in (
            BEFORE,
            *(f"/{which}.{one}" for which in ("default", "method") for one in ("parse", "plain", "ignore")),
        ):
            house.sink.script(path, self.note)

    def note(self, request: Received) -> Reply:
        self.calls.append((request.path[1:], len(self.house.log("FlowCompleted")) > self.done))
        return Reply()


@pytest.mark.parametrize("name", CASES)
async def test_every_method_of_every_flow_runs_its_list(name: str) -> None:
    case = CASES[name]
    perform = PERFORMANCES[case.flow, case.method]
    async with open_house(listed(case), **sections(case.flow, case.method)) as house:
        flow = await perform(house)
        await house.until("DeliveryDelivered", len(house.log("DeliveryScheduled")))  # those of the preparation
        planned = len(house.log("ActionsPlanned"))
        told = Told(house)
        outcome = await flow()
        assert outcome.completed
        await house.until("DeliveryDelivered", len(house.log("DeliveryScheduled")))
        waited = [call for call in told.calls if not call[0].endswith("ignore")]
        expected = [("before", False), *((one, False) for one in case.at("before_commit"))]
        assert waited == [*expected, *((one, True) for one in case.at("after_commit"))]
        assert [call for call in told.calls if call[0].endswith("ignore")] == [(f"{case.rule}.ignore", True)]
        plans = [entry.data for entry in house.log("ActionsPlanned")[planned:] if entry.data["phase"] == "after"]
        assert [_planned(plan, case) for plan in plans] == [[name for name, _ in case.runs]]
        assert plans[0]["rule"] == case.rule


def _planned(plan: Mapping[str, list[JsonDict]], case: Case) -> list[str]:
    """The actions of a recorded plan, built-in ones named like the others."""
    return [f"{case.rule}.{one['hook']}" if one["hook"] in BUILT_IN else one["id"] for one in plan["actions"]]
