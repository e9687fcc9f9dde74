"""The catalogue: ids, types, contexts and places, as translators and clients of Ory Kratos know them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from limen.domain.configuration import FlowKind
from limen.domain.message import Message
from limen.domain.ui import labels, messages, password_messages

AT = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
LOGIN, REGISTRATION, SETTINGS = FlowKind.LOGIN, FlowKind.REGISTRATION, FlowKind.SETTINGS
RECOVERY, VERIFICATION = FlowKind.RECOVERY, FlowKind.VERIFICATION
EXPIRED = {"expired_at": "2026-11-23T01:02:03Z", "expired_at_unix": 1795395723}


@pytest.mark.parametrize(
    ("message", "number", "context"),
    [
        (messages.generic("why"), 4000001, {"reason": "why"}),
        (messages.required("email"), 4000002, {"property": "email"}),
        (messages.too_short(3, 1), 4000003, {"min_length": 3, "actual_length": 1}),
        (messages.wrong_pattern("^a$"), 4000004, {"pattern": "^a$"}),
        (password_messages.unusable("it leaked"), 4000005, {"reason": "it leaked"}),
        (messages.invalid_credentials(), 4000006, None),
        (messages.duplicate_credentials(), 4000007, None),
        (messages.no_identifier(), 4000009, None),
        (messages.address_not_verified(), 4000010, None),
        (messages.too_long(3, 4), 4000017, {"max_length": 3, "actual_length": 4}),
        (messages.below_minimum(13, 5), 4000018, {"minimum": 13, "actual": 5}),
        (messages.below_exclusive_minimum(13, 13), 4000019, {"minimum": 13, "actual": 13}),
        (messages.above_maximum(5, 6), 4000020, {"maximum": 5, "actual": 6}),
        (messages.above_exclusive_maximum(5, 5), 4000021, {"maximum": 5, "actual": 5}),
        (messages.not_multiple(3, 4), 4000022, {"base": 3, "actual": 4}),
        (messages.too_many_items(1, 2), 4000023, {"max_items": 1, "actual_items": 2}),
        (messages.too_few_items(2, 1), 4000024, {"min_items": 2, "actual_items": 1}),
        (messages.repeated_items(0, 2), 4000025, {"index_a": 0, "index_b": 2}),
        (messages.wrong_type(("integer",), "string"), 4000026, {"allowed_types": ["integer"], "actual_type": "string"}),
        (messages.not_constant("4"), 4000029, {"expected": "4"}),
        (messages.not_constant_generic(), 4000030, None),
        (password_messages.too_similar(), 4000031, None),
        (password_messages.too_short(8, 5), 4000032, {"min_length": 8, "actual_length": 5}),
        (password_messages.too_long(72, 80), 4000033, {"max_length": 72, "actual_length": 80}),
        (password_messages.breached(37), 4000034, {"breaches": 37}),
        (messages.no_code_user(), 4000035, None),
        (messages.traits_changed(), 4000036, None),
        (messages.account_not_found(), 4000037, None),
        (password_messages.unchanged(), 4000039, None),
        (messages.bad_email("x"), 4000040, {"value": "x"}),
        (messages.bad_phone("x"), 4000041, {"value": "x"}),
        (messages.identity_disabled(), 4010011, None),
        *(
            (messages.no_method(kind), number, None)
            for kind, number in [
                (LOGIN, 4010002),
                (REGISTRATION, 4010003),
                (SETTINGS, 4010004),
                (RECOVERY, 4010005),
                (VERIFICATION, 4010006),
            ]
        ),
        *(
            (messages.code_invalid(kind), number, None)
            for kind, number in [
                (LOGIN, 4010008),
                (REGISTRATION, 4040003),
                (RECOVERY, 4060006),
                (VERIFICATION, 4070006),
            ]
        ),
        *(
            (messages.retry(kind), number, None)
            for kind, number in [
                (LOGIN, 4010007),
                (REGISTRATION, 4040002),
                (RECOVERY, 4060001),
                (VERIFICATION, 4070002),
            ]
        ),
        *(
            (messages.flow_expired(kind, AT), number, EXPIRED)
            for kind, number in [
                (LOGIN, 4010001),
                (REGISTRATION, 4040001),
                (SETTINGS, 4050001),
                (RECOVERY, 4060005),
                (VERIFICATION, 4070005),
            ]
        ),
    ],
)
def test_an_error_has_its_number_and_context(message: Message, number: int, context: Mapping[str, Any] | None) -> None:
    assert (message.id, message.type, message.context) == (number, "error", context)
    assert message.text


@pytest.mark.parametrize(
    ("message", "number", "kind"),
    [
        (messages.reauthenticate(), 1010003, "info"),
        (messages.second_factor(), 1010004, "info"),
        (messages.code_sent(LOGIN), 1010014, "info"),
        (messages.code_sent(REGISTRATION), 1040005, "info"),
        (messages.code_sent(RECOVERY), 1060003, "info"),
        (messages.code_sent(VERIFICATION), 1080003, "info"),
        (messages.settings_saved(), 1050001, "success"),
        (messages.verified(), 1080002, "success"),
        (labels.SIGN_IN, 1010001, "info"),
        (labels.SIGN_IN_BY_CODE, 1010015, "info"),
        (labels.SIGN_IN_BY_PASSWORD, 1010022, "info"),
        (labels.SIGN_UP, 1040001, "info"),
        (labels.SIGN_UP_BY_CODE, 1040006, "info"),
        (labels.PASSWORD, 1070001, "info"),
        (labels.SAVE, 1070003, "info"),
        (labels.EMAIL, 1070007, "info"),
        (labels.RESEND, 1070008, "info"),
        (labels.CONTINUE, 1070009, "info"),
        (labels.RECOVERY_CODE, 1070010, "info"),
        (labels.VERIFICATION_CODE, 1070011, "info"),
        (labels.REGISTRATION_CODE, 1070012, "info"),
        (labels.LOGIN_CODE, 1070013, "info"),
    ],
)
def test_news_and_labels_have_their_number_and_no_context(message: Message, number: int, kind: str) -> None:
    assert message.body() == {"id": number, "text": message.text, "type": kind}


def test_a_recovery_says_until_when_a_new_password_may_be_set() -> None:
    assert messages.recovered(AT).body()["context"] == {
        "privilegedSessionExpiresAt": "2026-11-23T01:02:03Z",
        "privileged_session_expires_at": "2026-11-23T01:02:03Z",
        "privileged_session_expires_at_unix": 1795395723,
    }


@pytest.mark.parametrize(
    "about", [password_messages.too_similar, password_messages.unchanged, lambda: password_messages.too_short(8, 5)]
)
def test_what_is_wrong_with_a_password_stands_on_its_field(about: Callable[[], Message]) -> None:
    assert about().node == "password"


def test_a_message_about_a_field_can_be_placed_on_it_and_kept() -> None:
    message = messages.required("email", "traits.email")
    assert message.node == "traits.email"
    assert Message.of(message.record()) == message
