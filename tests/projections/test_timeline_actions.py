"""The actions of a flow: one entry an attempt, in the order they came to an end, from both kinds of streams."""

from itertools import count
from typing import Any

from limen.projections.timeline import actions_of

FLOW, DELIVERY, MAIL = "f" * 32, "d" * 32, "e" * 32
REF = {"hook": "web_hook", "id": "welcome", "position": 0, "phase": "after", "method": "password"}
SCHEDULED = {"hook": "web_hook", "action": "news", "phase": "after", "method": "password", "channel": "web_hook"}


class Tape:
    """Events as the log shows them, at rising positions."""

    def __init__(self) -> None:
        self.positions = count(1)

    def __call__(self, stream: str, type_: str, **data: Any) -> dict[str, Any]:
        position = next(self.positions)
        time = f"2026-01-01T12:00:{position:02}Z"
        return {"position": position, "stream": stream, "type": type_, "time": time, "data": data}


def brief(actions: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(one["id"], one["attempt"], one["verdict"], one["status"], one["duration_ms"]) for one in actions]


def test_an_answer_is_one_entry_with_its_verdict() -> None:
    tape = Tape()
    events = [
        tape(FLOW, "ActionStarted", action=REF, attempt=1),
        tape(
            FLOW,
            "ActionAnswered",
            action=REF,
            attempt=1,
            verdict="modify",
            status=200,
            duration=4.5,
            modified=["traits"],
        ),
    ]
    (entry,) = actions_of(events)
    assert entry == {
        "hook": "web_hook",
        "id": "welcome",
        "phase": "after",
        "method": "password",
        "verdict": "modify",
        "status": 200,
        "duration_ms": 4.5,
        "attempt": 1,
        "reason": None,
        "detail": None,
        "modified": ["traits"],
        "delivery": None,
        "awaited": None,
        "rule": None,
        "source": None,
        "configuration": None,
        "request_digest": None,
        "response_digest": None,
        "time": "2026-01-01T12:00:02Z",
        "position": 2,
    }


def test_each_try_is_an_entry_of_its_own() -> None:
    tape = Tape()
    events = [
        tape(FLOW, "ActionStarted", action=REF, attempt=1),
        tape(FLOW, "ActionFailed", action=REF, attempt=1, reason="upstream", status=503, duration=1.0, final=False),
        tape(FLOW, "ActionStarted", action=REF, attempt=2),
        tape(FLOW, "ActionAnswered", action=REF, attempt=2, verdict="continue", status=204, duration=2.0),
    ]
    assert brief(actions_of(events)) == [("welcome", 1, "fail", 503, 1.0), ("welcome", 2, "continue", 204, 2.0)]


def test_an_attempt_that_was_never_heard_of_again_has_no_verdict() -> None:
    tape = Tape()
    assert brief(actions_of([tape(FLOW, "ActionStarted", action=REF, attempt=1)])) == [("welcome", 1, None, None, None)]


def test_the_same_action_after_a_second_submission_counts_again() -> None:
    tape = Tape()
    events = [
        tape(FLOW, kind, action=REF, attempt=1, **more)
        for _ in range(2)
        for kind, more in (("ActionStarted", {}), ("ActionAnswered", {"verdict": "continue", "duration": 1.0}))
    ]
    assert len(actions_of(events)) == 2


def test_a_canceled_template_says_cancel() -> None:
    tape = Tape()
    assert brief(actions_of([tape(FLOW, "ActionCanceled", action=REF, duration=0.5)])) == [
        ("welcome", 1, "cancel", None, 0.5)
    ]


def test_deliveries_stand_among_the_others_where_they_ended() -> None:
    tape = Tape()
    flow = [tape(FLOW, "ActionAnswered", action=REF, attempt=1, verdict="continue", status=200, duration=1.0)]
    delivery = [
        tape(DELIVERY, "DeliveryScheduled", **SCHEDULED, awaited=False),
        tape(DELIVERY, "DeliveryStarted", attempt=1),
        tape(DELIVERY, "DeliveryAttempted", attempt=1, reason="timeout", status=None, duration=9.0),
        tape(DELIVERY, "DeliveryDelivered", attempt=2, verdict="continue", status=200, duration=3.0),
    ]
    assert brief(actions_of(flow, delivery)) == [
        ("welcome", 1, "continue", 200, 1.0),
        ("news", 1, "fail", None, 9.0),
        ("news", 2, "continue", 200, 3.0),
    ]
    assert [one["delivery"] for one in actions_of(flow, delivery)] == [None, DELIVERY, DELIVERY]


def test_a_delivery_that_nobody_has_tried_is_there_without_verdict() -> None:
    tape = Tape()
    (entry,) = actions_of([], [tape(DELIVERY, "DeliveryScheduled", **SCHEDULED, awaited=True)])
    assert (entry["id"], entry["verdict"], entry["awaited"]) == ("news", None, True)


def test_a_delivery_that_was_given_up_or_canceled_says_so() -> None:
    for type_, verdict in (("DeliveryParked", "fail"), ("DeliveryCanceled", "cancel")):
        tape = Tape()
        scheduled = tape(DELIVERY, "DeliveryScheduled", **SCHEDULED)
        (entry,) = actions_of([], [scheduled, tape(DELIVERY, type_, reason="erased")])
        assert (entry["verdict"], entry["reason"]) == (verdict, "erased")


def test_messages_to_people_are_no_actions() -> None:
    tape = Tape()
    mail = {**SCHEDULED, "channel": "message"}
    delivered = {"attempt": 1, "verdict": "continue", "duration": 1.0}
    events = [tape(MAIL, "DeliveryScheduled", **mail), tape(MAIL, "DeliveryDelivered", **delivered)]
    assert actions_of([], events) == []


def planned(tape: Tape, rule: str, *actions: dict[str, Any]) -> dict[str, Any]:
    place = {"origin": "configured", "rule": rule, "source": "/selfservice/flows/login/after/hooks/0"}
    chosen = [{**place, **one} for one in actions]
    return tape(FLOW, "ActionsPlanned", phase="after", method="password", rule=rule, configuration="c1", actions=chosen)


def test_an_attempt_says_which_list_chose_it_by_which_rule_and_of_which_configuration() -> None:
    tape = Tape()
    bus = {**REF, "hook": "bus", "id": "risk"}
    python = {**REF, "hook": "python", "id": "own"}
    events = [
        planned(
            tape,
            "method",
            REF,
            {**bus, "origin": "bus", "rule": "default", "source": "limen.yml#/hooks/0"},
            {**python, "origin": "python", "rule": None, "source": "python:own"},
        ),
        *(
            tape(FLOW, "ActionAnswered", action=action, attempt=1, verdict="continue", duration=1.0)
            for action in (REF, bus, python)
        ),
    ]
    told = [(one["rule"], one["source"], one["configuration"]) for one in actions_of(events)]
    assert told == [
        ("method", "/selfservice/flows/login/after/hooks/0", "c1"),
        ("default", "limen.yml#/hooks/0", "c1"),
        (None, "python:own", "c1"),
    ]


def test_a_second_plan_counts_for_what_comes_after_it() -> None:
    tape = Tape()
    events = [
        event
        for rule in ("default", "method")
        for event in (
            planned(tape, rule, REF),
            tape(FLOW, "ActionAnswered", action=REF, attempt=1, verdict="continue", duration=1.0),
        )
    ]
    assert [one["rule"] for one in actions_of(events)] == ["default", "method"]


def test_a_delivery_is_told_by_the_plan_of_its_flow() -> None:
    tape = Tape()
    ref = {**REF, "id": "news"}
    flow = [planned(tape, "default", ref)]
    scheduled = {**SCHEDULED, "position": 0, "awaited": False, "configuration": "c1", "request_digest": "r"}
    delivery = [
        tape(DELIVERY, "DeliveryScheduled", **scheduled),
        tape(
            DELIVERY, "DeliveryAttempted", attempt=1, reason="upstream", status=500, duration=1.0, response_digest="a"
        ),
        tape(
            DELIVERY, "DeliveryDelivered", attempt=2, verdict="continue", status=204, duration=1.0, response_digest="b"
        ),
    ]
    told = actions_of(flow, delivery)
    assert [(one["rule"], one["request_digest"], one["response_digest"]) for one in told] == [
        ("default", "r", "a"),
        ("default", "r", "b"),
    ]


def test_an_attempt_keeps_the_digests_of_what_was_sent_and_what_came_back() -> None:
    tape = Tape()
    answer = {"verdict": "continue", "status": 200, "duration": 1.0, "response_digest": "b"}
    events = [
        tape(FLOW, "ActionStarted", action=REF, attempt=1, request_digest="a"),
        tape(FLOW, "ActionAnswered", action=REF, attempt=1, **answer),
    ]
    (entry,) = actions_of(events)
    assert (entry["request_digest"], entry["response_digest"]) == ("a", "b")
