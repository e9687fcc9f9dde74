"""What an answer of a web hook means: the table of the action rules, row by row."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limen.domain.action import Retry
from limen.domain.answer import (
    Continue,
    Failure,
    Ignored,
    Interruption,
    Modification,
    Verdict,
    interpret,
    node_of,
    pause,
    retriable,
)
from limen.domain.message import Message
from limen.domain.ports import Answer, CallFailed

REFUSAL = {
    "messages": [
        {
            "instance_ptr": "#/traits/email",
            "messages": [{"id": 1234, "text": "not this one", "type": "error", "context": {"domain": "x"}}],
        }
    ]
}

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["identity", "messages", "traits", "id"]), inner),
).map(lambda value: json.dumps(value).encode())


def judged(status: int, body: Any = b"", *, parses: bool = True, modifies: bool = True) -> Verdict:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return interpret(Answer(status, raw), parses=parses, modifies=modifies)


class TestNotParsed:
    """Only the status counts."""

    @pytest.mark.parametrize("status", [200, 201, 202, 204, 299, 300, 302, 304])
    @pytest.mark.parametrize("body", [b"", b"no JSON", {"identity": {"traits": {"a": 1}}}, REFUSAL])
    def test_any_answer_below_400_continues(self, status: int, body: Any) -> None:
        assert judged(status, body, parses=False) == Continue()

    @pytest.mark.parametrize("status", [400, 401, 404, 418, 429, 500, 503])
    @pytest.mark.parametrize("body", [b"", REFUSAL])
    def test_any_answer_from_400_fails_messages_or_not(self, status: int, body: Any) -> None:
        assert judged(status, body, parses=False) == Failure("upstream", f"the target answered {status}")


class TestParsedAndFine:
    @pytest.mark.parametrize("status", [201, 202, 204, 206, 300, 302, 304])
    @pytest.mark.parametrize("body", [b"", b"no JSON", {"identity": {"traits": {"a": 1}}}])
    def test_only_200_is_read(self, status: int, body: Any) -> None:
        assert judged(status, body) == Continue()

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b" \n",
            b"null",
            {},
            {"identity": None},
            {"identity": {}},
            REFUSAL,
            {"identity": {"id": "x", "credentials": {}, "unknown": 1}},
        ],
    )
    @pytest.mark.parametrize("modifies", [True, False])
    def test_200_that_changes_nothing_continues(self, body: Any, modifies: bool) -> None:
        verdict = judged(200, body, modifies=modifies)
        unread = isinstance(body, dict) and bool(body.get("identity")) and not modifies
        assert verdict == (Ignored() if unread else Continue())

    @pytest.mark.parametrize(
        "part",
        [
            {"traits": {"email": "a@example.org"}},
            {"schema_id": "customer"},
            {"state": "inactive"},
            {"verifiable_addresses": [{"value": "a@example.org", "via": "email", "verified": True}]},
            {"metadata_public": {"plan": "free"}},
            {"metadata_admin": 0},
            {"metadata_admin": False},
            {"external_id": "crm-7"},
        ],
    )
    def test_each_part_given_is_replaced(self, part: dict[str, Any]) -> None:
        assert judged(200, {"identity": part | {"id": "ignored", "credentials": {"password": {}}}}) == Modification(
            part
        )

    def test_recovery_addresses_follow_the_traits_and_are_no_part_that_is_replaced(self) -> None:
        recovers = {"recovery_addresses": [{"value": "a@example.org", "via": "email"}]}
        assert judged(200, {"identity": recovers}) == Continue()
        assert judged(200, {"identity": recovers | {"metadata_admin": 0}}) == Modification({"metadata_admin": 0})

    @pytest.mark.parametrize("cleared", ["", None])
    def test_an_explicitly_empty_external_id_clears_it(self, cleared: str | None) -> None:
        assert judged(200, {"identity": {"external_id": cleared}}) == Modification({"external_id": ""})

    @pytest.mark.parametrize("name", ["traits", "schema_id", "state", "verifiable_addresses", "metadata_public"])
    @pytest.mark.parametrize("empty", ["", None, [], {}])
    def test_elsewhere_an_empty_value_is_no_change(self, name: str, empty: Any) -> None:
        assert judged(200, {"identity": {name: empty}}) == Continue()

    def test_where_nothing_can_be_modified_an_identity_is_ignored_and_said_so(self) -> None:
        assert judged(200, {"identity": {"traits": {"a": 1}}}, modifies=False) == Ignored()


class TestParsedAndGarbage:
    @pytest.mark.parametrize(
        "body",
        [
            b"no JSON",
            b"\xff\xfe",
            b"[]",
            b'"text"',
            b"7",
            b'{"identity": NaN}',
            b'{"identity": []}',
            b'{"identity": {"metadata_public": {"a": 1e400}}}',
            b'{"identity": {"metadata_public": "\\ud800"}}',
            b"[" * 100_000,
            b'{"identity":{"traits":{"a":' + b"[" * 60 + b"]" * 60 + b"}}}",
            b"1" * 5000,
            {"identity": {"traits": "text"}},
            {"identity": {"traits": [1]}},
            {"identity": {"schema_id": 7}},
            {"identity": {"state": "asleep"}},
            {"identity": {"verifiable_addresses": {"value": "a"}}},
            {"identity": {"verifiable_addresses": ["a@example.org"]}},
            {"identity": {"recovery_addresses": [{"via": "email"}]}},
            {"identity": {"external_id": 7}},
        ],
    )
    def test_200_that_cannot_be_read_fails(self, body: Any) -> None:
        verdict = judged(200, body)
        assert isinstance(verdict, Failure)
        assert verdict.reason == "upstream"

    @pytest.mark.parametrize("status", [400, 403, 404, 500, 502])
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"no JSON",
            b"null",
            {},
            {"messages": []},
            {"messages": None},
            {"messages": "text"},
            {"messages": ["text"]},
            {"messages": [{"instance_ptr": "#/traits/email"}]},
            {"messages": [{"instance_ptr": "#/traits/email", "messages": []}]},
            {"messages": [{"instance_ptr": 7, "messages": [{"id": 1}]}]},
            {"messages": [{"messages": ["text"]}]},
            {"messages": [{"messages": [{"id": "1"}]}]},
            {"messages": [{"messages": [{"id": 1.5}]}]},
            {"messages": [{"messages": [{"id": 1, "text": 7}]}]},
        ],
    )
    def test_a_refusal_without_messages_fails(self, status: int, body: Any) -> None:
        verdict = judged(status, body)
        assert isinstance(verdict, Failure)
        assert verdict.reason == "upstream"

    def test_the_failure_says_nothing_of_what_was_answered(self) -> None:
        verdict = judged(200, {"identity": {"traits": "s3cret"}})
        assert verdict == Failure("upstream", "the target answered 200: identity.traits: expected an object")

    @given(body=st.binary() | ANYTHING, status=st.integers(200, 599), parses=st.booleans())
    def test_whatever_comes_has_one_meaning(self, body: bytes, status: int, parses: bool) -> None:
        verdict = interpret(Answer(status, body), parses=parses, modifies=True)
        assert isinstance(verdict, Continue | Modification | Interruption | Failure)
        if status >= 400:
            assert isinstance(verdict, Interruption | Failure)


class TestInterruption:
    @pytest.mark.parametrize("status", [400, 403, 422, 500])
    def test_a_refusal_with_messages_interrupts(self, status: int) -> None:
        message = Message(1234, "not this one", "error", {"domain": "x"}, "traits.email")
        assert judged(status, REFUSAL) == Interruption((message,))

    @pytest.mark.parametrize(
        ("said", "shown"),
        [("error", "error"), ("info", "info"), ("success", "info"), ("validation", "info"), ("", "info")],
    )
    def test_every_type_but_error_is_info(self, said: str, shown: str) -> None:
        verdict = judged(400, {"messages": [{"messages": [{"id": 1, "text": "t", "type": said}]}]})
        assert isinstance(verdict, Interruption)
        assert verdict.messages[0].type == shown

    def test_several_places_keep_their_order(self) -> None:
        places = [("#/traits/email", [1, 2]), ("#/password", [3]), ("", [4])]
        verdict = judged(
            400,
            {"messages": [{"instance_ptr": p, "messages": [{"id": i, "text": "t"} for i in ids]} for p, ids in places]},
        )
        assert isinstance(verdict, Interruption)
        assert [(m.node, m.id) for m in verdict.messages] == [
            ("traits.email", 1),
            ("traits.email", 2),
            ("password", 3),
            (None, 4),
        ]

    @pytest.mark.parametrize(
        ("pointer", "node"),
        [
            ("#/traits/foo/bar", "traits.foo.bar"),
            ("#/method", "method"),
            ("#/password", "password"),
            ("/traits/email", "traits.email"),
            ("#/traits/a~1b~0c", "traits.a/b~c"),
            ("#/traits/first%20name", "traits.first name"),
            ("#/", None),
            ("#", None),
            ("", None),
        ],
    )
    def test_a_pointer_names_a_node_or_the_flow(self, pointer: str, node: str | None) -> None:
        assert node_of(pointer) == node


class TestTryingAgain:
    @pytest.mark.parametrize(
        ("reason", "again"), [("upstream", True), ("timeout", False), ("address", False), ("too_large", False)]
    )
    def test_of_failed_calls_only_connection_faults(self, reason: str, again: bool) -> None:
        assert retriable(CallFailed(reason, "…"), parses=True) is again

    @pytest.mark.parametrize(
        ("status", "again"),
        [(200, False), (204, False), (302, False), (400, False), (404, False), (429, True), (500, True), (503, True)],
    )
    def test_of_answers_429_and_5xx(self, status: int, again: bool) -> None:
        assert retriable(Answer(status, b""), parses=True) is again
        assert retriable(Answer(status, b""), parses=False) is again

    @pytest.mark.parametrize("status", [429, 500])
    def test_not_when_the_target_told_the_user_why(self, status: int) -> None:
        answer = Answer(status, json.dumps(REFUSAL).encode())
        assert not retriable(answer, parses=True)
        assert retriable(answer, parses=False)

    def test_pauses_double_up_to_the_maximum(self) -> None:
        retry = Retry(attempts=9, initial=0.5, maximum=3.0)
        assert [pause(n, random=0.0, remaining=60, retry=retry) for n in (1, 2, 3, 4, 8)] == [0.5, 1.0, 2.0, 3.0, 3.0]

    @given(random=st.floats(0, 1, exclude_max=True), attempt=st.integers(1, 2))
    def test_chance_takes_off_up_to_half(self, random: float, attempt: int) -> None:
        full = pause(attempt, random=0.0, remaining=60)
        wait = pause(attempt, random=random, remaining=60)
        assert full is not None
        assert wait is not None
        assert full / 2 <= wait <= full

    def test_two_more_tries_at_most(self) -> None:
        assert pause(2, random=0.5, remaining=60) is not None
        assert pause(3, random=0.5, remaining=60) is None

    def test_what_the_target_asks_for_counts_when_it_fits(self) -> None:
        assert pause(1, random=0.5, remaining=10, retry_after=7) == 7
        assert pause(1, random=0.5, remaining=10, retry_after=0) == 0
        assert pause(1, random=0.5, remaining=10, retry_after=10) is None

    def test_no_pause_beyond_the_deadline(self) -> None:
        assert pause(1, random=0.0, remaining=0.4) is None
        assert pause(1, random=0.0, remaining=0.6) == 0.5
