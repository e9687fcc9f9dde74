"""What the views say of a flow or delivery is what its own fold says, after every event of every walk."""

from typing import Any

from hypothesis import given as over
from hypothesis import strategies as st

from limen.domain.configuration import FlowKind
from limen.domain.delivery import Delivery
from limen.domain.errors import IllegalTrigger
from limen.domain.flow import Flow
from limen.domain.machine import TABLES
from limen.projections import DELIVERIES, FLOWS, VIEWS, View
from limen.projections.view import Row
from tests.domain.test_machines import NOON, OTHER, STREAM, TRIGGERS, fire, new, new_delivery, new_flow


def rows_after(view: View, one: Flow | Delivery) -> list[Row]:
    """The row after each event that the view folds."""
    rows: list[Row] = []
    for event in one.pending:
        if type(event).__name__ in view.events:
            rows.append(view.fold(rows[-1] if rows else None, event))
    return rows


def walked(name: str, triggers: list[str]) -> Flow | Delivery:
    one = new(name)
    for trigger in triggers:
        try:
            fire(one, TABLES[name], trigger)
        except IllegalTrigger:
            continue
    return one


@over(st.sampled_from([kind.value for kind in FlowKind]), st.lists(st.sampled_from(TRIGGERS), max_size=40))
def test_a_flow_is_listed_as_it_stands(name: str, triggers: list[str]) -> None:
    flow = walked(name, triggers)
    assert isinstance(flow, Flow)
    row = rows_after(FLOWS, flow)[-1]
    known = flow.identity_id is not None and (name != "registration" or flow.state == "completed")
    assert row == {
        "id": str(STREAM),
        "flow": name,
        "state": flow.state,
        "method": flow.method,
        "started": "2026-01-01T12:00:00.000000Z",
        "identity": str(OTHER) if known else None,
        "back": flow.back,
        "person": str(OTHER) if flow.identity_id else None,
    }


@over(st.lists(st.sampled_from(TRIGGERS), max_size=40))
def test_a_delivery_is_listed_as_it_stands(triggers: list[str]) -> None:
    delivery = walked("delivery", triggers)
    assert isinstance(delivery, Delivery)
    row = rows_after(DELIVERIES, delivery)[-1]
    assert (row["state"], row["attempts"]) == (delivery.state, delivery.attempts)
    assert (row["action"], row["flow"], row["channel"]) == ("a", str(OTHER), "web_hook")
    assert (row["next"] is not None) == (delivery.state in ("scheduled", "waiting"))


def test_who_registers_is_nobody_until_the_registration_is_completed() -> None:
    flow = new_flow(FlowKind.REGISTRATION)
    for trigger in ("open", "submit", "accept", "interrupt"):
        fire(flow, TABLES["registration"], trigger)
    assert rows_after(FLOWS, flow)[-1]["identity"] is None
    for trigger in ("submit", "accept", "complete"):
        fire(flow, TABLES["registration"], trigger)
    assert rows_after(FLOWS, flow)[-1]["identity"] == str(OTHER)


def test_a_delivery_that_waits_says_until_when() -> None:
    delivery = new_delivery()
    fire(delivery, TABLES["delivery"], "attempt")
    fire(delivery, TABLES["delivery"], "postpone")
    assert [row["next"] for row in rows_after(DELIVERIES, delivery)] == [
        "2026-01-01T12:00:00.000000Z",
        None,
        "2026-01-01T12:00:09.000000Z",
    ]


def test_every_view_has_an_id_a_column_to_sort_by_and_folds_events_that_exist() -> None:
    from limen.domain.events import EVENT_TYPES

    assert list(VIEWS) == ["flows", "deliveries"]
    for view in VIEWS.values():
        names = [column.name for column in view.columns]
        assert names[0] == "id"
        assert view.order in names
        assert set(view.events) <= set(EVENT_TYPES)


def test_folding_changes_no_row_it_was_given() -> None:
    flow = new_flow(FlowKind.LOGIN)
    fire(flow, TABLES["login"], "open")
    first: dict[str, Any] = dict(FLOWS.fold(None, flow.pending[0]))
    before = dict(first)
    assert FLOWS.fold(first, flow.pending[1])["state"] == "choose_method"
    assert first == before
    assert flow.pending[0].timestamp == NOON
