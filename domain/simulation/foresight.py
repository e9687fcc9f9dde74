"""Foresight: what a simulation found out about a flow: its turns, and each of their actions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from limen.domain.action_events import ActionRef, PlannedAction
from limen.domain.configuration import Slot

UNKNOWN = "unknown"
Outcome = Literal["same", "differs", "unknown"]
Request = Literal["none", "same", "differs", "new", "unknown"]
"""A request beside the recorded one: `none` where nothing is asked, `new` where nothing was asked then."""
Source = Literal["recorded", "decided", "live", "unknown", "none"]
"""Where a verdict is from: the recorded answer to the same request, a decision that was taken anew (a built-in action,
a template, a pure handler), a real endpoint that was asked, or nowhere."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One action as it would run. `recorded` is what came of it then, None where it did not run.

    `changed` are the places in the body (JSON pointers, or `url`, `method`, `headers`) that differ from the request
    that was sent; `old` and `new` are the bodies, where both are to be had. `sure`: whether it runs for certain, which
    nobody knows of what comes after an unknown answer. `rule` chose its list, `timing`
    is when it runs, seen from the commit. `why` says why something is unknown.
    """

    ref: ActionRef
    source: str
    verdict: str
    by: Source
    request: Request = "none"
    recorded: str | None = None
    rule: str = "default"
    timing: str = ""
    added: bool = False
    moved: bool = False
    changed: tuple[str, ...] = ()
    sure: bool = True
    why: str | None = None
    old: Any = field(default=None, repr=False)
    new: Any = field(default=None, repr=False)

    @property
    def differs(self) -> bool:
        """Whether anything of it is certainly not as it was."""
        if self.added or self.moved or self.request in ("differs", "new"):
            return True
        return UNKNOWN not in (self.verdict, self.recorded) and self.verdict != self.recorded

    @property
    def unknown(self) -> bool:
        """Whether something of it is not to be known."""
        return self.verdict == UNKNOWN or self.request == UNKNOWN

    def body(self, *, in_clear: bool = False) -> dict[str, Any]:
        """As `--json` prints it; with the bodies where personal data may be shown."""
        shown: dict[str, Any] = {
            "hook": self.ref.hook,
            "id": self.ref.id,
            "source": self.source,
            "rule": self.rule,
            "timing": self.timing,
            "request": self.request,
            "recorded": self.recorded,
            "verdict": self.verdict,
            "by": self.by,
            "added": self.added,
            "moved": self.moved,
            "changed": list(self.changed),
            "sure": self.sure,
            "why": self.why,
        }
        return shown | {"bodies": {"recorded": self.old, "simulated": self.new}} if in_clear else shown


@dataclass(frozen=True, slots=True)
class TurnForesight:
    """One turn: what it came to, and would come to (`end`); which actions would run, and which no more.

    `ran` are the recorded actions in order, by id. A submission that was not accepted stands here too, without actions,
    where it would not have been taken as it was.
    """

    slot: Slot
    at: datetime
    version: int
    recorded: str
    end: str
    rule: str
    actions: tuple[Foreseen, ...] = ()
    removed: tuple[PlannedAction, ...] = ()
    ran: tuple[str, ...] = ()
    why: str | None = None

    @property
    def outcome(self) -> Outcome:
        """What becomes of the flow in this turn, beside what became of it."""
        if self.end == UNKNOWN:
            return "unknown"
        return "same" if self.end == self.recorded else "differs"

    @property
    def differs(self) -> bool:
        """Whether anything certainly differs.

        After an unknown answer the flow may have been stopped, as it was then: of actions that it did not reach then
        nothing is certain. Where it did reach them, something differs either way.
        """
        reached = self.recorded in ("completed", "opened")
        return (
            self.outcome == "differs"
            or bool(self.removed)
            or any(one.differs and (one.sure or reached or one.recorded is not None) for one in self.actions)
        )

    @property
    def unknown(self) -> bool:
        """Whether anything is not to be known."""
        return self.outcome == "unknown" or any(one.unknown for one in self.actions)

    def body(self, *, in_clear: bool = False) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "phase": self.slot.phase,
            "method": self.slot.method,
            "time": self.at.isoformat().replace("+00:00", "Z"),
            "version": self.version,
            "outcome": self.outcome,
            "recorded": {"end": self.recorded, "actions": list(self.ran)},
            "simulated": {"end": self.end, "rule": self.rule, "actions": [one.ref.id for one in self.actions]},
            "actions": [one.body(in_clear=in_clear) for one in self.actions],
            "removed": [{"hook": one.hook, "id": one.id, "source": one.source} for one in self.removed],
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Foresight:
    """A whole flow. Turns after one that ends otherwise, or nobody knows how, are left out: they hang on it.

    `left_out` is how many of the recorded ones that are.
    """

    id: UUID
    flow: str
    started: datetime
    configuration: UUID
    turns: tuple[TurnForesight, ...] = ()
    left_out: int = 0

    @property
    def outcome(self) -> Outcome:
        """What becomes of the flow, beside what became of it."""
        found = {turn.outcome for turn in self.turns}
        return "differs" if "differs" in found else "unknown" if "unknown" in found else "same"

    @property
    def differs(self) -> bool:
        """Whether anything certainly differs: the outcome, the actions that run, their order, what they send."""
        return any(turn.differs for turn in self.turns)

    @property
    def unknown(self) -> bool:
        """Whether anything is not to be known."""
        return any(turn.unknown for turn in self.turns)

    def body(self, *, in_clear: bool = False) -> Mapping[str, Any]:
        """As `--json` prints it."""
        return {
            "id": str(self.id),
            "flow": self.flow,
            "started": self.started.isoformat().replace("+00:00", "Z"),
            "configuration": str(self.configuration),
            "outcome": self.outcome,
            "differs": self.differs,
            "unknown": self.unknown,
            "turns": [turn.body(in_clear=in_clear) for turn in self.turns],
            "turns_left_out": self.left_out,
        }
