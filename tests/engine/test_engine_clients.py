"""What a native client of Kratos sees, step by step: state, `active`, messages by node, and the nodes of the form.

A sequence is driven in one flow; each step is a submission and its row of the table.
"""

from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain import FlowView
from tests.support.engine import ADA, PASSWORD, House, JsonDict, messages, open_house, parse, shown

CODE, WRONG = "<the code>", "<a wrong one>"
TRAITS = ["traits.email", "traits.name.first", "traits.name.last", "traits.newsletter", "traits.age"]
SIGN_UP = ["csrf_token", *TRAITS, "method=code", "password", "method=password"]
SIGN_UP_CODE = ["csrf_token", *TRAITS, "method=code", "code", "method=code", "resend=code"]
SIGN_UP_CODE_AGAIN = ["csrf_token", *TRAITS, "code", "resend=code", "method=code", "method=code"]
SIGN_IN = ["csrf_token", "identifier", "method=code", "password", "method=password"]
SIGN_IN_CODE = ["identifier", "method=code", "code", "method=code", "resend=code"]
SIGN_IN_CODE_AGAIN = ["csrf_token", "identifier", "code", "resend=code", "method=code", "method=code"]
SETTINGS = ["csrf_token", *TRAITS, "method=profile", "password", "method=password"]
RECOVER = ["csrf_token", "email", "method=code"]
RECOVER_CODE = ["csrf_token", "code", "method=code", "method=code", f"email={ADA}"]
VERIFY = ["email", "method=code"]
VERIFY_CODE = ["method=code", "code", "method=code", f"email={ADA}"]

# (method, values, what the action answers or None) -> (state, active, message ids by node, nodes)
Submission = tuple[str | None, JsonDict, Reply | None]
Row = tuple[Submission, tuple[str, str | None, dict[str | None, list[int]], list[str]]]
NO = messages(("#/traits/email", 1234, "no"), ("#/", 1235, "sorry"))


def at(email: str = ADA, **more: Any) -> JsonDict:
    return {"traits": {"email": email, **more}}


REGISTRATION: list[Row] = [
    (("password", {**at(), "password": "short"}, None), ("choose_method", None, {"password": [4000032]}, SIGN_UP)),
    (("password", {**at(), "password": ADA}, None), ("choose_method", None, {"password": [4000031]}, SIGN_UP)),
    (
        ("password", {"traits": {}, "password": PASSWORD}, None),
        ("choose_method", None, {"traits.email": [4000002]}, SIGN_UP),
    ),
    (
        ("password", {**at("no address", age=5), "password": PASSWORD}, None),
        ("choose_method", None, {"traits.email": [4000040], "traits.age": [4000018]}, SIGN_UP),
    ),
    (("telepathy", {**at(), "password": PASSWORD}, None), ("choose_method", None, {None: [4010003]}, SIGN_UP)),
    ((None, {**at(), "password": PASSWORD}, None), ("choose_method", None, {None: [4010003]}, SIGN_UP)),
    (
        ("password", {**at(), "password": PASSWORD}, NO),
        ("choose_method", None, {None: [1235], "traits.email": [1234]}, SIGN_UP),
    ),
    (
        ("password", {**at("taken@example.org"), "password": PASSWORD}, None),
        ("choose_method", None, {None: [4000007]}, SIGN_UP),
    ),
    (("password", {**at(), "password": PASSWORD}, None), ("choose_method", None, {}, SIGN_UP)),
]
REGISTRATION_BY_CODE: list[Row] = [
    (("code", at(), None), ("sent_email", "code", {None: [1040005]}, SIGN_UP_CODE)),
    (("code", {**at(), "code": WRONG}, None), ("sent_email", "code", {None: [4040003]}, SIGN_UP_CODE_AGAIN)),
    (("code", at(age=5) | {"code": CODE}, None), ("sent_email", "code", {None: [4000036]}, SIGN_UP_CODE_AGAIN)),
    (("code", {**at(), "code": CODE}, None), ("passed_challenge", "code", {None: [1040005]}, SIGN_UP_CODE)),
]
LOGIN: list[Row] = [
    (
        ("password", {"identifier": ADA, "password": "nope-nope"}, None),
        ("choose_method", None, {None: [4000006]}, SIGN_IN),
    ),
    (
        ("password", {"identifier": "ghost@example.org", "password": "nope-nope"}, None),
        ("choose_method", None, {None: [4000006]}, SIGN_IN),
    ),
    (("password", {"password": "nope-nope"}, None), ("choose_method", None, {"identifier": [4000002]}, SIGN_IN)),
    (("password", {"identifier": ADA}, None), ("choose_method", None, {"password": [4000002]}, SIGN_IN)),
    (
        ("password", {"identifier": ADA, "password": PASSWORD}, NO),
        (
            "choose_method",
            "password",
            {None: [1235], "traits.email": [1234]},
            ["csrf_token", "identifier", "traits.email", "method=code", "password", "method=password"],
        ),
    ),
    (
        ("password", {"identifier": ADA, "password": PASSWORD}, None),
        ("choose_method", "password", {}, SIGN_IN),
    ),
]
LOGIN_BY_CODE: list[Row] = [
    (("code", {"identifier": ADA}, None), ("sent_email", "code", {None: [1010014]}, SIGN_IN_CODE)),
    (
        ("code", {"identifier": ADA, "code": WRONG}, None),
        ("sent_email", "code", {None: [4010008]}, SIGN_IN_CODE_AGAIN),
    ),
    (
        ("code", {"identifier": ADA, "code": ""}, None),
        ("sent_email", "code", {"code": [4000002]}, SIGN_IN_CODE_AGAIN),
    ),
    (
        ("code", {"identifier": ADA, "code": CODE}, None),
        ("passed_challenge", "code", {None: [1010014]}, SIGN_IN_CODE),
    ),
]
CHANGES: list[Row] = [
    (("profile", at(age="old"), None), ("show_form", None, {"traits.age": [4000026]}, SETTINGS)),
    (("password", {"password": "short"}, None), ("show_form", None, {"password": [4000032]}, SETTINGS)),
    (("telepathy", {}, None), ("show_form", None, {None: [4010004]}, SETTINGS)),
    (("profile", at(age=50), NO), ("show_form", None, {None: [1235], "traits.email": [1234]}, SETTINGS)),
    (("profile", at(age=50), None), ("success", None, {None: [1050001]}, SETTINGS)),
]
RECOVERY: list[Row] = [
    (("code", {}, None), ("choose_method", "code", {"email": [4000002]}, RECOVER)),
    (("link", {"email": ADA}, None), ("choose_method", "code", {None: [4010005]}, RECOVER)),
    (("code", {"email": ADA}, None), ("sent_email", "code", {None: [1060003]}, RECOVER_CODE)),
    (("code", {"code": WRONG}, None), ("sent_email", "code", {None: [4060006]}, RECOVER_CODE)),
    (("code", {"code": CODE}, None), ("passed_challenge", "code", {}, RECOVER_CODE)),
]
VERIFICATION: list[Row] = [
    (("link", {"email": ADA}, None), ("choose_method", "code", {None: [4010006]}, [*VERIFY, "csrf_token"])),
    (("code", {}, None), ("choose_method", "code", {"email": [4000002]}, [*VERIFY, "csrf_token"])),
    (("code", {"email": ADA}, None), ("sent_email", "code", {None: [1080003]}, VERIFY_CODE)),
    (("code", {"code": WRONG}, None), ("sent_email", "code", {None: [4070006]}, VERIFY_CODE)),
    (("code", {"code": CODE}, None), ("passed_challenge", "code", {None: [1080002]}, ["csrf_token", "continue"])),
]
SEQUENCES: dict[str, tuple[str, str | None, list[str], list[Row]]] = {
    "registration": ("registration", None, SIGN_UP, REGISTRATION),
    "registration by code": ("registration", None, SIGN_UP, REGISTRATION_BY_CODE),
    "login": ("login", None, SIGN_IN, LOGIN),
    "login by code": ("login", None, SIGN_IN, LOGIN_BY_CODE),
    "settings": ("settings", None, SETTINGS, CHANGES),
    "recovery": ("recovery", "code", RECOVER, RECOVERY),
    "verification": ("verification", "code", VERIFY, VERIFICATION),
}


def names(flow: FlowView) -> list[str]:
    """The names of the nodes, a button or hidden field with its value."""
    found = []
    for node in flow.ui.nodes:
        attributes = node.attributes
        sends = attributes.type in ("submit", "hidden") and attributes.name in ("method", "resend", "email")
        found.append(f"{attributes.name}={attributes.value}" if sends else attributes.name or attributes.id)
    return found


def filled(values: JsonDict, house: House) -> JsonDict:
    if values.get("code") not in (CODE, WRONG):
        return values
    right = house.code
    return {**values, "code": right if values["code"] == CODE else str((int(right) + 1) % 10**6).zfill(6)}


@pytest.mark.parametrize("sequence", SEQUENCES)
async def test_a_client_sees_what_kratos_shows(sequence: str) -> None:
    kind, active, first, rows = SEQUENCES[sequence]
    async with open_house({f"{kind}.after": [parse("/parse")]}) as house:
        await house.register("taken@example.org")
        token = None
        if kind != "registration":
            await house.register()
            token = (await house.sign_in()).session_token if kind == "settings" else None
        flow = await house.start(kind, session_token=token)
        state = "show_form" if kind == "settings" else "choose_method"
        assert (flow.body.state, flow.body.active, shown(flow), names(flow)) == (state, active, {}, first)
        for (method, values, answer), row in rows:
            house.sink.script("/parse", answer or Reply())
            outcome = await house.engine.submit(
                flow.id, method=method, values=filled(values, house), session_token=token
            )
            seen = outcome.flow
            assert (seen.body.state, seen.body.active, shown(seen), names(seen)) == row, (method, values)
            again = await house.engine.flow(flow.id)
            assert again.body.plain()["state"] == row[0], "fetched again it is the same"
        assert outcome.completed
