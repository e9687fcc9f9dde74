"""What the actions said that flows waited for: one row a flow, action and verdict. Deliveries have a view of their own.

An action may run anew with each submission, and say something else each time.
"""

from limen.domain.action_events import ActionAnswered, ActionCanceled, ActionFailed
from limen.domain.events import DomainEvent
from limen.projections.view import Column, Row, View, within

FAILED, CANCELED = "fail", "cancel"
"""The verdicts of those that failed for good, and of those whose template said cancel; the others are in the answer."""

VERDICTS_THERE_ARE = ("continue", "modify", "interrupt", "ignored", FAILED, CANCELED)
"""All of them."""


class _Said:
    """How often an action said one thing in one flow."""

    __slots__ = ("action", "at", "flow", "times", "verdict")

    def __init__(self, event: DomainEvent, first: DomainEvent) -> None:
        assert isinstance(event, ActionAnswered | ActionCanceled | ActionFailed)
        self.flow, self.action = str(event.originator_id), event.action.id
        self.at = within(event, first)
        self.verdict = _verdict(event) or ""
        self.times = 0

    def take(self, _: DomainEvent) -> None:
        self.times += 1

    def write(self) -> Row:
        return {
            "id": f"{self.flow}/{self.verdict}/{self.action}",
            "flow": self.flow,
            "action": self.action,
            "verdict": self.verdict,
            "at": self.at,
            "times": self.times,
        }


def _verdict(event: DomainEvent) -> str | None:
    """None for an attempt that another one follows."""
    match event:
        case ActionAnswered():
            return event.verdict
        case ActionFailed():
            return FAILED if event.final else None
        case _:
            return CANCELED


def _row_of(event: DomainEvent, _: DomainEvent) -> tuple[int, str, str] | None:
    assert isinstance(event, ActionAnswered | ActionCanceled | ActionFailed)
    verdict = _verdict(event)
    return (event.originator_id.int, verdict, event.action.id) if verdict is not None else None


_EVENTS = ("ActionAnswered", "ActionCanceled", "ActionFailed")

VERDICTS = View(
    name="verdicts",
    layout=2,
    events=_EVENTS,
    columns=(
        Column("id", fixed=True),
        Column("flow", fixed=True),
        Column("action", fixed=True),
        Column("verdict", fixed=True),
        Column("at", fixed=True),
        Column("times", "integer"),
    ),
    order="at",
    listed=False,
    chosen=(("action", "verdict"),),
    begin=_Said,
    take=_Said.take,
    write=_Said.write,
    key=_row_of,
    opened=frozenset(_EVENTS),
    added=True,
)
"""`at` is when the action first said so in this flow, `times` how often it did."""
