"""A flow that was found, and what in it matched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limen.adapters.search.outcomes import SYNONYMS
from limen.projections import DELIVERIES, FLOWS, VERDICTS, AnyView
from limen.projections.view import Row

FLOW = "flow"
"""The criteria that a flow meets by what its own row shows."""

SHOWN = ("id", "flow", "state", "method", "started", "identity")
"""What is shown of every flow, as in `limen flow list`."""


@dataclass(frozen=True, slots=True)
class Found:
    """`flow` is its row in the view of flows; `matched` the rows that met a criterion, by what they are about.

    `actions`: of the views `verdicts` and `deliveries`; `identities`: of `flows` and `parties`; `networks`: of `flows`
    and `origins`.
    """

    flow: Row
    matched: Mapping[str, Sequence[tuple[AnyView, Row]]]

    def body(self) -> dict[str, Any]:
        """As JSON shows it."""
        shown: dict[str, Any] = {name: self.flow[name] for name in SHOWN}
        shown |= {name: bool(self.flow[name]) for name in ("refused", "interrupted")}
        matched = {name: [_told(name, view, row) for view, row in rows] for name, rows in self.matched.items()}
        return {**shown, "matched": matched}


def _told(name: str, view: AnyView, row: Row) -> dict[str, Any]:
    """What a row says beside its flow."""
    if view is FLOWS:
        return {"identity": row["identity"], "owner": True} if name == "identities" else {"started": True}
    if view is DELIVERIES:
        return {"action": row["action"], "outcome": row["state"], "times": 1, "delivery": row["id"]}
    if view is VERDICTS:
        verdict = str(row["verdict"])
        return {"action": row["action"], "outcome": SYNONYMS.get(verdict, verdict), "times": row["times"]}
    return {column: value for column, value in row.items() if column not in ("id", "flow", "at", "network")}


def matching(met: Mapping[str, Sequence[tuple[AnyView, Row]]]) -> dict[str, list[tuple[AnyView, Row]]]:
    """The rows that say more than the flow itself does, in the order in which they happened."""
    return {
        name: sorted(
            {(view.name, row["id"]): (view, row) for view, row in rows}.values(),
            key=lambda one: (str(one[1][one[0].order]), str(one[1]["id"])),
        )
        for name, rows in met.items()
        if name != FLOW
    }
