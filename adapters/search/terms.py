"""What is searched for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from limen.adapters.search import outcomes
from limen.adapters.search.criterion import Criterion, Leaf
from limen.adapters.search.found import FLOW
from limen.domain.configuration import FlowKind
from limen.projections import DELIVERIES, FLOWS, ORIGINS, PARTIES, VERDICTS
from limen.projections.verdicts import VERDICTS_THERE_ARE
from limen.projections.view import Value, instant


@dataclass(frozen=True, slots=True)
class Terms:
    """Flows that meet all of these. Raises `ValueError` for an unknown outcome, and for a time without a zone.

    `identity`: whose the flow is, or whom it has to do with otherwise (`limen.projections.parties`). `holders`: any of
    these identities, and none where it is empty. `network`: a keyed hash, of `network`. `action`: the id of one that
    ran, or of a delivery; `outcome` is that action's, or without one the flow's: `limen.adapters.search.outcomes` has
    the words. The flow began at `since` or later, and before `until`.
    """

    identity: UUID | None = None
    holders: tuple[UUID, ...] | None = None
    network: UUID | None = None
    action: str | None = None
    outcome: str | None = None
    flow: FlowKind | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Finds what cannot be asked before anything is read."""
        self.criteria()
        for at in (self.since, self.until):
            if at is not None and at.utcoffset() is None:
                raise ValueError("the time has no zone, so it names no instant: give it one, as in datetime.now(UTC)")

    @property
    def period(self) -> tuple[str | None, str | None]:
        """From when on, and before when, as the views write times."""
        since, until = (instant(at) if at is not None else None for at in (self.since, self.until))
        return since, until

    def criteria(self) -> list[Criterion]:
        """What a flow must meet. The first is that it is one: it says when flows began."""
        criteria = [Criterion(FLOW, (Leaf(FLOWS, {}),))]
        if self.flow is not None:
            criteria.append(Criterion(FLOW, (Leaf(FLOWS, {"flow": self.flow.value}),)))
        if self.action is not None:
            criteria.append(_of_action(self.action, self.outcome))
        elif self.outcome is not None:
            column, value = outcomes.of_flow(self.outcome)
            criteria.append(Criterion(FLOW, (Leaf(FLOWS, {column: value}),)))
        for identities in ((self.identity,) if self.identity else None, self.holders):
            if identities is not None:
                where = [{"identity": str(one)} for one in identities]
                leaves = [Leaf(view, one) for one in where for view in (FLOWS, PARTIES)]
                criteria.append(Criterion("identities", leaves))
        if self.network is not None:
            network = {"network": str(self.network)}
            criteria.append(Criterion("networks", (Leaf(FLOWS, network), Leaf(ORIGINS, network))))
        return criteria


def _of_action(action: str, outcome: str | None) -> Criterion:
    verdict, state = outcomes.of_action(outcome) if outcome is not None else (None, None)
    verdicts = VERDICTS_THERE_ARE if outcome is None else (verdict,)
    leaves = [Leaf(VERDICTS, {"verdict": one, "action": action}) for one in verdicts if one is not None]
    if outcome is None or state is not None:
        delivered: Mapping[str, Value] = {"action": action, **({"state": state} if state else {})}
        leaves.append(Leaf(DELIVERIES, delivered))
    return Criterion("actions", tuple(leaves))
