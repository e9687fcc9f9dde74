"""What the views say of a flow or delivery is what its own fold says, after every event of every walk."""

from datetime import timedelta
from typing import Any

from hypothesis import given as over
from hypothesis import strategies as st

from limen.domain.aggregate import Aggregate
from limen.domain.configuration import FlowKind
from limen.domain.delivery import Delivery
from limen.domain.errors import IllegalTrigger
from limen.domain.flow import Flow
from limen.domain.identity import CredentialChanged, Identity, IdentityErased, IdentityRegistered, SessionOpened
from limen.domain.machine import TABLES
from limen.domain.session import Authentication, Session, SessionIssued, SessionRefreshed, SessionRevoked
from limen.projections import DELIVERIES, FLOWS, IDENTITIES, SESSIONS, VIEWS, AnyView
from limen.projections.view import Row
from tests.domain.test_machines import NOON, OTHER, SEAL, STREAM, TRIGGERS, fire, new, new_delivery, new_flow


def rows_after(view: AnyView, one: Aggregate) -> list[Row]:
    """The row after each event that the view folds, each time from the row before."""
    rows: list[Row] = []
    for event in one.pending:
        if type(event).__name__ in view.events:
            rows.append(view.fold(rows[-1] if rows else None, [event]))
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
    types = {type(event).__name__ for event in flow.pending}
    known = flow.identity_id is not None and (name != "registration" or flow.state == "completed")
    assert row == {
        "flow": name,
        "state": flow.state,
        "method": flow.method,
        "started": "2026-01-01T12:00:00.000000Z",
        "identity": str(OTHER) if known else None,
        "back": flow.back,
        "person": str(OTHER) if flow.identity_id else None,
        "refused": int("MethodRefused" in types),
        "interrupted": int(bool(types & {"FlowInterrupted", "FlowRejected"})),
        "network": None,
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

    assert list(VIEWS)[:5] == ["flows", "deliveries", "identities", "sessions", "actions"]
    assert list(VIEWS)[5:] == ["parties", "origins", "verdicts"]
    for view in VIEWS.values():
        names = [column.name for column in view.columns]
        assert {name for one in view.chosen for name in ((one,) if isinstance(one, str) else one)} <= set(names)
        assert all(column.fixed or column.kind == "integer" for column in view.columns if view.added)
        assert view.opened <= set(view.events)
        assert names[0] == "id"
        assert view.order in names
        assert set(view.events) <= set(EVENT_TYPES)


def test_folding_changes_no_row_it_was_given() -> None:
    flow = new_flow(FlowKind.LOGIN)
    fire(flow, TABLES["login"], "open")
    first: dict[str, Any] = dict(FLOWS.fold(None, flow.pending[:1]))
    before = dict(first)
    assert FLOWS.fold(first, flow.pending[1:2])["state"] == "choose_method"
    assert first == before
    assert flow.pending[0].timestamp == NOON


def row_of(view: AnyView, one: Identity | Session) -> Row:
    return rows_after(view, one)[-1]


def test_an_identity_is_listed_without_a_word_of_who_it_is() -> None:
    identity, later = Identity(STREAM), NOON + timedelta(hours=1)
    identity.record(IdentityRegistered, NOON, flow_id=OTHER, profile=SEAL, credentials=("password",))
    identity.record(SessionOpened, later, flow_id=OTHER, session_id=OTHER, expires_at=later)
    identity.record(CredentialChanged, later, flow_id=OTHER, type="code")
    assert row_of(IDENTITIES, identity) == {
        "state": "kept",
        "created": "2026-01-01T12:00:00.000000Z",
        "updated": "2026-01-01T13:00:00.000000Z",
        "erased": None,
        "credentials": "password code",
        "sessions": 1,
        "last_session": "2026-01-01T13:00:00.000000Z",
    }
    identity.record(IdentityErased, later)
    row = row_of(IDENTITIES, identity)
    assert (row["state"], row["erased"], row["sessions"]) == ("erased", "2026-01-01T13:00:00.000000Z", 1)


def test_a_session_is_listed_with_how_it_began_and_how_it_ended() -> None:
    session, later = Session(STREAM), NOON + timedelta(hours=1)
    password = Authentication(method="password", aal="aal1", completed_at=NOON)
    code = Authentication(method="code", aal="aal2", completed_at=later)
    began: dict[str, Any] = {"identity_id": OTHER, "flow_id": OTHER, "expires_at": later, "device": SEAL}
    session.record(SessionIssued, NOON, aal="aal1", authentications=(password,), **began)
    assert row_of(SESSIONS, session) == {
        "identity": str(OTHER),
        "flow": str(OTHER),
        "state": "issued",
        "issued": "2026-01-01T12:00:00.000000Z",
        "authenticated": "2026-01-01T12:00:00.000000Z",
        "expires": "2026-01-01T13:00:00.000000Z",
        "aal": "aal1",
        "methods": "password",
        "revoked": None,
        "reason": None,
    }
    until = later + timedelta(hours=1)
    more: dict[str, Any] = {"aal": "aal2", "authentication": code, "device": SEAL}
    session.record(SessionRefreshed, later, flow_id=STREAM, expires_at=until, **more)
    session.record(SessionRevoked, until, reason="logout")
    row = row_of(SESSIONS, session)
    assert (row["flow"], row["aal"], row["methods"]) == (str(OTHER), "aal2", "password code")
    assert (row["issued"], row["authenticated"]) == ("2026-01-01T12:00:00.000000Z", "2026-01-01T13:00:00.000000Z")
    assert (row["state"], row["revoked"], row["reason"]) == ("revoked", "2026-01-01T14:00:00.000000Z", "logout")
