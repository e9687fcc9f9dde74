"""Statistics of actions: every end of an attempt counts once, however the events come in pages."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from uuid import UUID

from hypothesis import given as over
from hypothesis import strategies as st

from limen.domain import action_events as flows
from limen.domain import delivery as deliveries
from limen.domain.event import DomainEvent
from limen.projections import ACTIONS
from limen.projections.actions import COUNTS, Statistics
from limen.projections.folding import Folding, Raw, deal
from limen.projections.view import Row

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FLOW, DELIVERY = (UUID(int=number) for number in (1, 2))
REF = flows.ActionRef(hook="web_hook", id="welcome", position=0, phase="after")

DURATION = st.integers(0, 10**7).map(lambda microseconds: microseconds / 1000)
ENDS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "ActionAnswered": st.fixed_dictionaries(
        {"verdict": st.sampled_from(["continue", "modify", "interrupt", "ignored"]), "duration": DURATION}
    ),
    "ActionFailed": st.fixed_dictionaries(
        {"reason": st.sampled_from(["timeout", "template"]), "duration": DURATION, "final": st.booleans()}
    ),
    "ActionCanceled": st.fixed_dictionaries({"duration": DURATION}),
}


def happened(name: str, fields: dict[str, Any], minutes: int) -> DomainEvent:
    at = NOON + timedelta(minutes=minutes)
    attempt = {} if name == "ActionCanceled" else {"attempt": 1}
    kind = getattr(flows, name)
    event: DomainEvent = kind(originator_id=FLOW, originator_version=2, timestamp=at, action=REF, **attempt, **fields)
    return event


EVENTS = st.lists(
    st.one_of([st.builds(happened, st.just(name), fields, st.integers(0, 3000)) for name, fields in ENDS.items()])
)


def delivered(kind: type[deliveries.DeliveryEvent], version: int, **fields: Any) -> DomainEvent:
    return kind(originator_id=DELIVERY, originator_version=version, timestamp=NOON, **fields)


def scheduled(channel: str = "web_hook") -> DomainEvent:
    told: dict[str, Any] = {"flow_id": FLOW, "trigger_id": FLOW, "configuration": FLOW, "phase": "after"}
    return delivered(deliveries.DeliveryScheduled, 1, channel=channel, action="news", hook="web_hook", **told)


def decoded(events: Mapping[str, DomainEvent], stream: str, *_: Any) -> DomainEvent:
    return events[stream]


def folded(pages: list[list[DomainEvent]], first: DomainEvent | None = None) -> dict[str, Row]:
    """The rows after these pages, each folded from the rows that the one before left."""
    rows: dict[str, Row] = {}

    def kept(ids: Sequence[str]) -> dict[str, Row]:
        return {id_: rows[id_] for id_ in ids if id_ in rows}

    for page in pages:
        raw: list[Raw] = [(1, str(number), 2, type(event).__name__, b"") for number, event in enumerate(page)]
        folding = Folding(ACTIONS, 0, kept, raw)
        events = {str(number): event for number, event in enumerate(page)}
        firsts = dict.fromkeys(events, first) if first is not None else {}
        deal([folding], raw, partial(decoded, events), firsts)
        rows.update(folding.rows())
    return rows


@over(EVENTS, st.lists(st.integers(0, 50), max_size=5))
def test_rows_do_not_depend_on_where_a_page_ends(events: list[DomainEvent], cuts: list[int]) -> None:
    at = [0, *sorted(cut for cut in cuts if cut < len(events)), len(events)]
    pages = [events[start:stop] for start, stop in pairwise(at)]
    assert folded(pages) == folded([events])


@over(EVENTS)
def test_every_end_counts_once_on_its_own_day(events: list[DomainEvent]) -> None:
    rows = folded([events])
    assert {row["day"] for row in rows.values()} == {event.timestamp.date().isoformat() for event in events}
    verdicts = Counter(
        getattr(event, "verdict", "cancel" if isinstance(event, flows.ActionCanceled) else "fail") for event in events
    )
    summed = {name: sum(int(row[name] or 0) for row in rows.values()) for name in COUNTS}
    assert {name: summed[name] for name in verdicts} == verdicts
    assert summed["attempts"] == len(events) - verdicts["cancel"]
    assert summed["runs"] == sum(getattr(event, "final", True) for event in events)


@over(EVENTS)
def test_days_merged_are_the_statistics_of_all_days(events: list[DomainEvent]) -> None:
    whole = Statistics("", "welcome", "web_hook")
    for event in events:
        whole.take(event)
    merged = Statistics("", "welcome", "web_hook")
    for row in folded([events]).values():
        merged.merge(Statistics.read(row))
    assert {**merged.write(), "day": ""} == whole.write()


def test_what_never_left_says_nothing_of_how_long_the_action_takes() -> None:
    failed = happened("ActionFailed", {"reason": "template", "duration": 3.0, "final": True}, 0)
    answered = happened("ActionAnswered", {"verdict": "continue", "duration": 0.1}, 0)
    (row,) = folded([[failed, answered]]).values()
    assert (row["attempts"], row["fail"], row["p50"], row["p99"]) == (2, 1, 100, 100)


def test_a_delivery_counts_for_its_action_though_only_its_first_event_names_it() -> None:
    events = [
        delivered(deliveries.DeliveryAttempted, 3, attempt=1, reason="upstream", duration=2.0, next_at=NOON),
        delivered(deliveries.DeliveryDelivered, 5, attempt=2, duration=1.0),
    ]
    (row,) = folded([[event] for event in events], scheduled()).values()
    assert (row["action"], row["hook"], row["day"]) == ("news", "web_hook", "2026-01-01")
    told = {name: row[name] for name in COUNTS if row[name]}
    assert told == {"runs": 1, "attempts": 2, "continue": 1, "fail": 1, "delivered": 1}


def test_a_dead_letter_is_a_run_that_failed() -> None:
    parked = delivered(deliveries.DeliveryParked, 3, attempt=1, reason="upstream", duration=2.0)
    (row,) = folded([[parked]], scheduled()).values()
    assert {name: row[name] for name in COUNTS if row[name]} == {"runs": 1, "attempts": 1, "fail": 1, "dead": 1}


def test_a_message_to_a_person_is_no_action() -> None:
    sent = delivered(deliveries.DeliveryDelivered, 3, attempt=1, duration=2.0)
    assert folded([[sent]], scheduled("message")) == {}
