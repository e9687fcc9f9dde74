"""The tables keep their word under any sequence of triggers: one event each, or a refusal that changes nothing."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast
from uuid import UUID

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from limen.domain import action_events as actions
from limen.domain import flow_events as flows
from limen.domain.configuration import FlowKind
from limen.domain.delivery import Delivery, DeliveryScheduled
from limen.domain.errors import IllegalTrigger
from limen.domain.event import EVENT_TYPES
from limen.domain.flow import Flow, initiate
from limen.domain.machine import BACK, DELIVERY, FLOWS, STAY, TABLES, Row, Table
from limen.domain.sealed import Sealed
from limen.domain.testing import event, given

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STREAM = UUID("00000000-0000-4000-8000-000000000001")
OTHER = UUID("00000000-0000-4000-8000-000000000002")
SEAL = Sealed(sealed="c2VhbGVk", key=STREAM)
ACTION = actions.ActionRef(hook="web_hook", id="welcome", position=0, phase="after")

FIELDS: Mapping[str, Mapping[str, Any]] = {
    "FlowOpenedChallenged": {"method": "code", "challenge": SEAL, "code_expires_at": NOON + timedelta(minutes=15)},
    "MethodSubmitted": {"method": "password"},
    "MethodAccepted": {"method": "password", "identity_id": OTHER},
    "MethodRefused": {"method": "password", "reason": "credentials"},
    "SecretsShown": {"method": "lookup_secret", "what": "generated"},
    "FormAdvanced": {"method": "profile", "step": "credentials"},
    "FlowRedirected": {"method": "oidc", "provider": "google"},
    "FlowTurned": {"method": "oidc", "reason": "known", "into": OTHER},
    "SubmissionDismissed": {"reason": "no_method"},
    "ChallengeSent": {"method": "code", "challenge": SEAL, "code_expires_at": NOON + timedelta(minutes=15)},
    "ActionsPlanned": {
        "phase": "after",
        "method": None,
        "rule": "default",
        "configuration": OTHER,
        "actions": (),
        "deadline": NOON + timedelta(minutes=1),
    },
    "ActionStarted": {"action": ACTION, "attempt": 1, "trigger_id": OTHER},
    "ActionAnswered": {"action": ACTION, "attempt": 1, "verdict": "continue", "duration": 1.5},
    "ActionCanceled": {"action": ACTION, "duration": 1.5},
    "ActionFailed": {"action": ACTION, "attempt": 1, "reason": "timeout", "duration": 1.5},
    "FlowInterrupted": {"action": "welcome"},
    "FlowReleased": {"reason": "abandoned"},
    "FlowCompleted": {"method": "password", "identity_id": OTHER},
    "FlowRejected": {"action": "welcome"},
    "FlowFailed": {"reason": "abandoned"},
    "DeliveryStarted": {"attempt": 1, "lease": NOON + timedelta(seconds=45)},
    "DeliveryAttempted": {"attempt": 1, "reason": "upstream", "duration": 1.5, "next_at": NOON + timedelta(seconds=9)},
    "DeliveryDelivered": {"attempt": 1, "duration": 1.5},
    "DeliveryParked": {"attempt": 1, "reason": "upstream", "duration": 1.5},
    "DeliveryCanceled": {"reason": "erased"},
}
"""What each event of the tables needs beside its envelope; the rest need nothing."""

TRIGGERS = sorted({row.trigger for table in TABLES.values() for row in table.rows})


def new_flow(kind: FlowKind) -> Flow:
    expires_at = NOON + timedelta(hours=1)
    return initiate(STREAM, NOON, kind=kind, type="api", configuration=OTHER, expires_at=expires_at, request=SEAL)


def new_delivery() -> Delivery:
    delivery = Delivery(STREAM)
    told: dict[str, Any] = {"flow_id": OTHER, "trigger_id": OTHER, "configuration": OTHER}
    delivery.record(DeliveryScheduled, NOON, channel="web_hook", action="a", hook="web_hook", phase="after", **told)
    return delivery


def new(name: str) -> Flow | Delivery:
    return new_delivery() if name == "delivery" else new_flow(FlowKind(name))


def fire(one: Flow | Delivery, table: Table, trigger: str) -> None:
    rows = [row for row in table.rows if row.trigger == trigger]
    one.fire(trigger, NOON, **(FIELDS.get(rows[0].event, {}) if rows else {}))


def facts(one: Flow | Delivery) -> dict[str, Any]:
    """The whole folded state."""
    return {name: value for name, value in vars(one).items() if name != "pending"}


# -------------------------------------------------------------------------------------------------- the tables as data


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_no_row_leaves_an_end_and_every_row_names_states_and_a_stored_event(table: Table) -> None:
    for row in table.rows:
        assert not set(row.sources) & set(table.ends), row
        assert row.dest in (*table.states, BACK, STAY)
        assert row.event in EVENT_TYPES
    assert len({row.trigger for row in table.rows}) == len(table.rows)
    assert len({row.event for row in table.rows}) == len(table.rows), "an event must say which trigger it was"


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_state_can_be_reached_and_has_a_way_to_an_end(table: Table) -> None:
    edges = {(source, dest) for source, _, dest, _ in table.edges()}
    reached, ending = {table.initial}, set(table.ends)
    for _ in table.states:
        reached |= {dest for source, dest in edges if source in reached}
        ending |= {source for source, dest in edges if dest in ending}
    assert reached == ending == set(table.states)


# ------------------------------------------------------------------------------------------------- any sequence at all


class Model:
    """What a flow or delivery is, in as few words as possible: a state, and where `BACK` leads."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.state, self.back = table.initial, ""

    def row(self, trigger: str) -> Row | None:
        row = next((row for row in self.table.rows if row.trigger == trigger and self.state in row.sources), None)
        return None if row is not None and row.dest == BACK and not self.back else row

    def take(self, row: Row) -> None:
        self.state = {BACK: self.back, STAY: self.state}.get(row.dest, row.dest)
        if self.state in self.table.backs and row.dest != STAY:
            self.back = self.state


@settings(max_examples=40)
@over(name=st.sampled_from(sorted(TABLES)), triggers=st.lists(st.sampled_from(TRIGGERS), max_size=40))
def test_firing_agrees_with_the_table_and_folding_with_firing(name: str, triggers: list[str]) -> None:
    table, one, model = TABLES[name], new(name), Model(TABLES[name])
    for trigger in triggers:
        check_trigger(table, one, model, trigger)
    events = list(one.pending)
    once, twice = type(one).replay(one.id, events), type(one).replay(one.id, events)
    assert facts(once) == facts(twice) == facts(one)
    assert not once.pending, "folding decides nothing"


def check_trigger(table: Table, one: Flow | Delivery, model: Model, trigger: str) -> None:
    before, known, row = facts(one), list(one.pending), model.row(trigger)
    if row is None:
        with pytest.raises(IllegalTrigger) as refused:
            fire(one, table, trigger)
        assert (refused.value.kind, refused.value.state, refused.value.trigger) == (table.name, model.state, trigger)
        assert refused.value.allowed == table.allowed(model.state)
        for name in (table.name, model.state, trigger, *table.allowed(model.state)):
            assert name in str(refused.value)
        assert (facts(one), one.pending) == (before, known), "a refusal changes nothing"
        return
    fire(one, table, trigger)
    model.take(row)
    assert [type(new).__name__ for new in one.pending[len(known) :]] == [row.event]
    assert one.pending[: len(known)] == known
    assert one.version == before["version"] + 1 == one.pending[-1].originator_version
    assert one.state == model.state in table.states


class Walk(RuleBasedStateMachine):
    """Walks a table by the triggers it allows, so that long lives are tried as well as refusals."""

    name: ClassVar[str]

    @initialize()
    def begin(self) -> None:
        self.one, self.model = new(self.name), Model(TABLES[self.name])

    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        allowed = [name for name in TABLES[self.name].allowed(self.model.state) if self.model.row(name)]
        if allowed:
            check_trigger(TABLES[self.name], self.one, self.model, data.draw(st.sampled_from(allowed)))

    @rule(trigger=st.sampled_from(TRIGGERS))
    def try_anything(self, trigger: str) -> None:
        check_trigger(TABLES[self.name], self.one, self.model, trigger)

    @rule()
    def decide_on_a_copy_that_comes_to_nothing(self) -> None:
        before, known = facts(self.one), list(self.one.pending)
        copy = self.one.clone()
        for trigger in TABLES[self.name].allowed(copy.state)[:1]:
            if self.model.row(trigger):
                fire(copy, TABLES[self.name], trigger)
        assert (facts(self.one), self.one.pending) == (before, known)

    @invariant()
    def an_end_is_final(self) -> None:
        table = TABLES[self.name]
        assert self.one.ended is (self.one.state in table.ends)
        if self.one.ended:
            assert table.allowed(self.one.state) == ()

    @invariant()
    def folding_gives_what_firing_did(self) -> None:
        assert facts(type(self.one).replay(self.one.id, self.one.pending)) == facts(self.one)

    @invariant()
    def a_flow_is_held_only_while_it_works(self) -> None:
        if isinstance(self.one, Flow) and self.one.busy_until is not None:
            assert self.one.busy


def walks(table: str) -> Any:
    test = type(f"Walk_{table}", (Walk,), {"name": table}).TestCase  # type: ignore[attr-defined]  # hypothesis makes it
    test.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
    return test


TestLogin, TestRegistration, TestRecovery = walks("login"), walks("registration"), walks("recovery")
TestVerification, TestSettings, TestDelivery = walks("verification"), walks("settings"), walks("delivery")


# ------------------------------------------------------------------------------------- each kind of flow, row by row

INITIATED: Mapping[FlowKind, Any] = {
    kind: event(
        flows.FlowInitiated,
        kind=kind,
        type="api",
        configuration=OTHER,
        expires_at=NOON + timedelta(hours=1),
        request=SEAL,
    )
    for kind in FlowKind
}


def made(name: str) -> Any:
    return event(EVENT_TYPES[name], **FIELDS.get(name, {}))


def asks(trigger: str, **fields: Any) -> Callable[[Flow], None]:
    def command(flow: Flow) -> None:
        event = next(row.event for table in FLOWS.values() for row in table.rows if row.trigger == trigger)
        flow.fire(trigger, NOON, **{**FIELDS.get(event, {}), **fields})

    return command


CODED = [kind for kind in FlowKind if kind is not FlowKind.SETTINGS]


@pytest.mark.parametrize("kind", FlowKind)
def test_a_flow_opens_once_into_its_own_form(kind: FlowKind) -> None:
    opened = given(INITIATED[kind]).when(asks("open")).then(made("FlowOpened"))
    assert opened.state == ("show_form" if kind is FlowKind.SETTINGS else "choose_method")
    given(INITIATED[kind], made("FlowOpened")).when(asks("open")).then_raises(IllegalTrigger, "allowed there: 'submit'")


@pytest.mark.parametrize("kind", FlowKind)
def test_a_before_action_may_end_it_unopened(kind: FlowKind) -> None:
    assert given(INITIATED[kind]).when(asks("reject")).then(made("FlowRejected")).state == "rejected"
    way = [INITIATED[kind], made("FlowRejected")]
    given(*way).when(asks("open")).then_raises(IllegalTrigger, "allowed there: nothing")


@pytest.mark.parametrize("kind", FlowKind)
def test_a_submission_is_judged_then_finished(kind: FlowKind) -> None:
    way = [INITIATED[kind], made("FlowOpened")]
    given(*way).when(asks("submit")).then(made("MethodSubmitted"))
    way.append(made("MethodSubmitted"))
    given(*way).when(asks("complete")).then_raises(IllegalTrigger)
    given(*way).when(asks("accept")).then(made("MethodAccepted"))
    way.append(made("MethodAccepted"))
    given(*way).when(asks("submit")).then_raises(IllegalTrigger)
    done = cast("Flow", given(*way).when(asks("complete")).then(made("FlowCompleted")))
    assert (done.state, done.identity_id) == ("completed", OTHER)


@pytest.mark.parametrize("trigger", ["refuse", "interrupt", "release"])
@pytest.mark.parametrize("kind", FlowKind)
def test_back_is_the_form_that_was_submitted(kind: FlowKind, trigger: str) -> None:
    way = [INITIATED[kind], made("FlowOpened"), made("MethodSubmitted"), made("MethodAccepted")]
    back = given(*way).when(asks(trigger)).then(made(FLOWS[kind].event_of(trigger)))
    assert back.state == FLOWS[kind].backs[0]


@pytest.mark.parametrize("kind", CODED)
def test_back_is_the_question_for_the_code_once_one_was_sent(kind: FlowKind) -> None:
    way = [INITIATED[kind], made("FlowOpened"), made("MethodSubmitted")]
    given(*way).when(asks("challenge")).then(made("ChallengeSent"))
    way += [made("ChallengeSent"), made("MethodSubmitted")]
    assert given(*way).when(asks("refuse")).then(made("MethodRefused")).state == "sent_email"
    assert given(*way).when(asks("challenge", resent=True)).then(flows.ChallengeSent).state == "sent_email"


def test_settings_send_no_code() -> None:
    way = [INITIATED[FlowKind.SETTINGS], made("FlowOpened"), made("MethodSubmitted")]
    given(*way).when(asks("challenge")).then_raises(IllegalTrigger, "'challenge' is not allowed")


def test_only_a_verification_or_a_login_opens_with_its_code_already_sent() -> None:
    for kind in FlowKind:
        asked = given(INITIATED[kind]).when(asks("open_challenged"))
        if kind in (FlowKind.VERIFICATION, FlowKind.LOGIN):
            assert asked.then(made("FlowOpenedChallenged")).state == "sent_email"
        else:
            asked.then_raises(IllegalTrigger)


@pytest.mark.parametrize(("kind", "step"), [(FlowKind.REGISTRATION, "credentials"), (FlowKind.LOGIN, "identified")])
def test_a_form_that_goes_a_step_on_waits_for_no_code_any_more(kind: FlowKind, step: str) -> None:
    way = [INITIATED[kind], made("FlowOpened"), made("MethodSubmitted"), made("ChallengeSent"), made("MethodSubmitted")]
    there = cast("Flow", given(*way).when(asks("advance", step=step)).then(flows.FormAdvanced))
    assert (there.state, there.screen, there.back) == ("choose_method", step, "choose_method")
    asked = event(flows.FormAdvanced, method="passkey", step="asked")
    way += [event(flows.FormAdvanced, method="profile", step=step), made("MethodSubmitted"), asked]
    kept = cast("Flow", given(*way).when(asks("submit")).then(made("MethodSubmitted")))
    assert kept.screen == step, "a step that is no screen leaves the form on its screen"


def test_wrong_codes_are_counted_and_other_refusals_are_not() -> None:
    way = [INITIATED[FlowKind.RECOVERY], made("FlowOpened"), made("MethodSubmitted"), made("ChallengeSent")]
    for reason in ("wrong_code", "missing", "wrong_code"):
        way += [made("MethodSubmitted"), event(flows.MethodRefused, method="code", reason=reason)]
    again = given(*way).when(asks("submit")).then(made("MethodSubmitted"))
    assert again.wrong_codes == 2


def test_a_delivery_is_tried_until_an_end_and_an_attempt_may_be_taken_over() -> None:
    scheduled = new_delivery().pending[0]
    started = made("DeliveryStarted")
    attempt = {"attempt": 1, "lease": NOON + timedelta(seconds=45)}
    given(scheduled).when(lambda one: one.fire("deliver", NOON)).then_raises(IllegalTrigger)
    given(scheduled).when(lambda one: one.fire("attempt", NOON, **attempt)).then(started)
    given(scheduled, started).when(lambda one: one.fire("attempt", NOON, **attempt | {"attempt": 2})).then(
        event(EVENT_TYPES["DeliveryStarted"], **attempt | {"attempt": 2})
    )
    for name in ("DeliveryDelivered", "DeliveryParked", "DeliveryCanceled"):
        ended = Delivery.replay(STREAM, [scheduled])
        ended.fire("attempt", NOON, **attempt)
        ended.fire({row.event: row.trigger for row in DELIVERY.rows}[name], NOON, **FIELDS[name])
        assert ended.ended
        with pytest.raises(IllegalTrigger, match="allowed there: nothing"):
            ended.fire("attempt", NOON, **attempt)
