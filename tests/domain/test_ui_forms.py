"""The forms of the five flows: which nodes, in which order, with which labels and messages.

A node reads `group name type=value! L<label>` ('!' is required); the tables were written from what Ory Kratos 26.2
was seen to answer.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from limen.domain.configuration import FlowKind, MethodSettings
from limen.domain.message import Message
from limen.domain.ui import FormView, form

FLOW = UUID("00000000-0000-4000-8000-000000000001")
ON = MethodSettings(enabled=True)
METHODS = {"password": ON, "profile": ON, "code": MethodSettings(enabled=True, passwordless_enabled=True)}
SCHEMA: Mapping[str, Any] = {
    "properties": {
        "traits": {
            "type": "object",
            "properties": {
                "email": {
                    "type": "string",
                    "format": "email",
                    "title": "Post",
                    "ory.sh/kratos": {"credentials": {"password": {"identifier": True}}},
                },
                "name": {"type": "object", "properties": {"first": {"type": "string", "title": "First"}}},
                "letters": {"type": "boolean"},
            },
            "required": ["email"],
        }
    }
}
NOTHING = Message(77, "no")
ON_FIELD = Message(78, "not this", context={"a": 1}, node="traits.email")


def view(kind: str, state: str = "choose_method", **more: Any) -> FormView:
    given: dict[str, Any] = {"methods": METHODS, "schema": SCHEMA} | more
    return FormView(kind=FlowKind(kind), flow_id=FLOW, state=state, **given)


def line(node: dict[str, Any]) -> str:
    inner = node["attributes"]
    name, kind = inner.get("name", inner.get("id")), inner.get("type", node["type"])
    value = f"={json.dumps(inner['value'])}" if "value" in inner else ""
    label = f" L{node['meta']['label']['id']}" if "label" in node["meta"] else ""
    said = "".join(f" !{message['id']}" for message in node["messages"])
    return f"{node['group']} {name} {kind}{value}{'!' if inner.get('required') else ''}{label}{said}"


def lines(shown: FormView) -> list[str]:
    return [line(node) for node in form(shown)["nodes"]]


def said(shown: FormView) -> list[int] | None:
    above = form(shown).get("messages")
    return None if above is None else [message["id"] for message in above]


CSRF = 'default csrf_token hidden=""!'
LOGIN = [
    CSRF,
    'default identifier text=""! L1070002',
    'code method submit="code" L1010015',
    "password password password! L1070001",
    'password method submit="password" L1010022',
]
REGISTRATION = [
    CSRF,
    "default traits.email email! L1070002",
    "default traits.name.first text L1070002",
    "default traits.letters checkbox",
    'code method submit="code" L1040006',
    "password password password! L1070001",
    'password method submit="password" L1040001',
]
SETTINGS = [
    CSRF,
    "profile traits.email email! L1070002",
    "profile traits.name.first text L1070002",
    "profile traits.letters checkbox",
    'profile method submit="profile" L1070003',
    "password password password! L1070001",
    'password method submit="password" L1070003',
]
ASK_ADDRESS = ["code email email! L1070007", 'code method submit="code" L1070009']


# --------------------------------------------------------------------------------------------------- how each begins


@pytest.mark.parametrize(
    ("kind", "state", "nodes"),
    [
        ("login", "preparing", LOGIN),
        ("login", "choose_method", LOGIN),
        ("registration", "preparing", REGISTRATION),
        ("registration", "choose_method", REGISTRATION),
        ("settings", "show_form", SETTINGS),
        ("recovery", "choose_method", [CSRF, *ASK_ADDRESS]),
        ("verification", "choose_method", ASK_ADDRESS),
    ],
)
def test_a_native_flow_begins_with_its_fields_and_says_nothing(kind: str, state: str, nodes: list[str]) -> None:
    assert lines(view(kind, state)) == nodes
    assert said(view(kind, state)) is None


def test_only_verification_gives_a_native_flow_no_csrf_field_and_a_browser_one_last() -> None:
    browser = view("verification", type="browser", csrf_token="t")
    assert lines(browser) == [*ASK_ADDRESS, 'default csrf_token hidden="t"!']
    assert lines(view("recovery", type="browser", csrf_token="t"))[0] == 'default csrf_token hidden="t"!'
    assert lines(view("login", type="browser", csrf_token="t"))[0] == 'default csrf_token hidden="t"!'


def test_action_and_method_lead_back_to_the_flow() -> None:
    for base in ("https://id.example", "https://id.example/"):
        ui = form(view("login", base_url=base))
        assert (ui["action"], ui["method"]) == (f"https://id.example/self-service/login?flow={FLOW}", "POST")


def test_settings_have_no_nodes_while_the_before_actions_run() -> None:
    assert form(view("settings", "preparing"))["nodes"] is None


ASK_TOTP = ['totp totp_code text=""! L1010006', 'totp method submit="totp" L1010009']
ASK_LOOKUP = [
    'lookup_secret lookup_secret text=""! L1010007',
    'lookup_secret method submit="lookup_secret" L1010010',
]


@pytest.mark.parametrize(
    ("held", "nodes"),
    [
        (("totp",), ASK_TOTP),
        (("lookup_secret",), ASK_LOOKUP),
        (("totp", "lookup_secret"), ASK_TOTP + ASK_LOOKUP),
    ],
)
def test_a_second_login_asks_for_the_factors_the_person_has(held: tuple[str, ...], nodes: list[str]) -> None:
    second = view("login", requested_aal="aal2", held=held)
    assert lines(second) == [CSRF, *nodes]
    assert said(second) == [1010004]
    assert said(view("login", requested_aal="aal2", refresh=True)) == [1010003]


def test_a_second_login_of_somebody_without_second_factors_has_no_nodes_in_an_app_until_something_went_wrong() -> None:
    second = view("login", requested_aal="aal2")
    assert form(second)["nodes"] is None
    assert said(second) == [1010004]
    for other in (replace(second, messages=[NOTHING]), replace(second, type="browser")):
        assert lines(other) == [CSRF]


CODE_TO = [f'code address submit="{address}" L1010023' for address in ("a@example.org", "b@example.org")]
CODE_ASKED = [
    'code identifier hidden="a@example.org" L1010023',
    'code method hidden="code"',
    "code code text! L1070013",
    'code method submit="code" L1070009',
    'code resend submit="code" L1070008',
]
CODE_REFUSED = [
    CSRF,
    'default identifier hidden="a@example.org"',
    "code code text! L1070013",
    'code resend submit="code" L1070008',
    'code method hidden="code"',
    'code method submit="code" L1070009',
]


@pytest.mark.parametrize(
    ("more", "nodes"),
    [
        ({"held": ("code",), "addresses": ("a@example.org", "b@example.org")}, CODE_TO),
        ({"held": ("code",), "addresses": ("a@example.org",), "messages": (NOTHING,)}, [CSRF, CODE_TO[0]]),
        ({"held": ("code", "totp"), "addresses": ("a@example.org",)}, [CSRF, CODE_TO[0], *ASK_TOTP]),
        ({"state": "sent_email", "active": "code", "address": "a@example.org"}, CODE_ASKED),
        ({"state": "sent_email", "address": "a@example.org", "messages": (NOTHING,)}, CODE_REFUSED),
        ({"state": "finishing", "active": "code", "address": "a@example.org"}, CODE_ASKED),
    ],
)
def test_a_code_as_second_factor(more: dict[str, Any], nodes: list[str]) -> None:
    """A native flow has no CSRF field until something went wrong, or there is another second factor."""
    assert lines(view("login", requested_aal="aal2", **more)) == nodes


IDENTIFIER = 'identifier_first identifier {}="{}"! L1070002'
ASK_WHO = [IDENTIFIER.format("text", ""), 'identifier_first method submit="identifier_first" L1070009', CSRF]
KNOWN = [IDENTIFIER.format("hidden", "a"), CSRF]
BY_PASSWORD, BY_CODE = LOGIN[3:], LOGIN[2:3]


@pytest.mark.parametrize(
    ("more", "nodes"),
    [
        ({}, ASK_WHO),
        ({"screen": "identified", "values": {"identifier": "a"}}, [*KNOWN, *BY_PASSWORD, *BY_CODE]),
        (
            {"screen": "identified", "values": {"identifier": "a"}, "messages": (NOTHING,)},
            [*KNOWN, *BY_CODE, *BY_PASSWORD],
        ),
        ({"screen": "identified", "values": {"identifier": "a", "ways": ["code"]}}, [*KNOWN, *BY_CODE]),
        ({"refresh": True}, [*LOGIN[:4], 'password method submit="password" L1010001']),
    ],
)
def test_a_login_by_identifier_first(more: dict[str, Any], nodes: list[str]) -> None:
    """After a refusal Kratos has the ways in another order; whoever confirms that it is them is known."""
    assert lines(view("login", style="identifier_first", **more)) == nodes


HIDDEN = [
    "default traits.email hidden! L1070002",
    "default traits.name.first hidden L1070002",
    "default traits.letters hidden",
]
BACK = 'profile screen submit="{}" L1040008'
ONLY_PASSWORD: dict[str, Any] = {"methods": {name: METHODS[name] for name in ("password", "profile")}}


def test_a_password_that_is_the_only_way_stands_after_the_first_trait() -> None:
    csrf, email, first, letters, _, password, sign_up = REGISTRATION
    assert lines(view("registration", **ONLY_PASSWORD)) == [csrf, email, password, first, letters, sign_up]
    steps = view("registration", style="profile_first", screen="credentials", **ONLY_PASSWORD)
    assert lines(steps) == [csrf, HIDDEN[0], password, *HIDDEN[1:], sign_up, BACK.format("previous")]


@pytest.mark.parametrize(
    ("more", "nodes"),
    [
        ({}, [*REGISTRATION[:4], 'profile method submit="profile" L1040001']),
        ({"screen": "profile"}, [*REGISTRATION[:4], 'profile method submit="profile" L1040001']),
        ({"screen": "credentials"}, [CSRF, *HIDDEN, *REGISTRATION[4:], BACK.format("previous")]),
        ({"methods": METHODS | {"profile": MethodSettings()}}, REGISTRATION),
    ],
)
def test_a_registration_in_two_steps(more: dict[str, Any], nodes: list[str]) -> None:
    assert lines(view("registration", style="profile_first", **more)) == nodes


def test_a_code_sent_in_the_second_step_leads_back_to_the_ways_to_sign_up() -> None:
    sent = view("registration", "sent_email", style="profile_first", screen="credentials", address="a@example.org")
    assert lines(sent)[-1] == BACK.format("credential-selection")


@pytest.mark.parametrize(
    ("off", "nodes"),
    [
        ("password", [CSRF, LOGIN[1], LOGIN[2]]),
        ("code", [CSRF, LOGIN[1], LOGIN[3], LOGIN[4]]),
    ],
)
def test_a_method_that_is_off_has_no_nodes(off: str, nodes: list[str]) -> None:
    methods = {name: settings for name, settings in METHODS.items() if name != off}
    assert lines(view("login", methods=methods)) == nodes


def test_without_any_method_nothing_can_be_filled_in() -> None:
    for kind in ("login", "registration", "recovery"):
        assert lines(view(kind, methods={})) == [CSRF]
    assert lines(view("settings", "show_form", methods={})) == [CSRF]
    assert lines(view("verification", methods={})) == []


def test_a_code_that_is_only_for_recovery_is_no_way_to_sign_in() -> None:
    assert lines(view("login", methods=METHODS | {"code": ON})) == [*LOGIN[:2], *LOGIN[3:]]


def test_confirming_a_session_says_so_on_flow_and_button() -> None:
    shown = view("login", refresh=True)
    assert lines(shown)[-1] == 'password method submit="password" L1010001'
    assert said(shown) == [1010003]
    assert said(view("login", refresh=True, messages=[NOTHING])) == [77]


# ------------------------------------------------------------------------------------------------- a code was sent

SENT = {"active": "code", "address": "ada@example.org"}
TYPED = {"identifier": "ada@example.org"}


def test_login_by_code_asks_for_it_with_the_identifier_hidden() -> None:
    shown = view("login", "sent_email", values=TYPED, **SENT)
    fresh = [
        'default identifier hidden="ada@example.org"! L1070002',
        'code method hidden="code"',
        "code code text! L1070013",
        'code method submit="code" L1070009',
        'code resend submit="code" L1070008',
    ]
    assert lines(shown) == fresh
    assert said(shown) == [1010014]
    assert lines(view("login", "sent_email", type="browser", values=TYPED, **SENT)) == [*fresh, CSRF]


def test_login_by_code_redraws_the_form_after_a_refusal() -> None:
    refused = [
        CSRF,
        'default identifier hidden="ada@example.org"',
        "code code text! L1070013",
        'code resend submit="code" L1070008',
        'code method hidden="code"',
        'code method submit="code" L1070009',
    ]
    shown = view("login", "sent_email", values=TYPED, messages=[Message(4010008, "wrong")], **SENT)
    assert lines(shown) == refused
    assert said(shown) == [4010008]
    missing = view("login", "sent_email", values=TYPED, messages=[Message(4000002, "", node="code")], **SENT)
    assert lines(missing) == [*refused[:2], refused[2] + " !4000002", *refused[3:]]
    assert said(missing) is None


def test_the_address_stands_in_for_an_identifier_that_was_not_kept() -> None:
    assert lines(view("login", "sent_email", **SENT))[0] == 'default identifier hidden="ada@example.org"! L1070002'


def test_registration_by_code_hides_the_traits() -> None:
    traits = {"traits": {"email": "ada@example.org"}}
    hidden = [
        CSRF,
        'default traits.email hidden="ada@example.org"! L1070002',
        "default traits.name.first hidden L1070002",
        "default traits.letters hidden",
    ]
    code, again = "code code text! L1070012", 'code resend submit="code" L1070008'
    method, go_on = 'code method hidden="code"', 'code method submit="code" L1070009'
    fresh = view("registration", "sent_email", values=traits, **SENT)
    assert lines(fresh) == [*hidden, method, code, go_on, again]
    assert said(fresh) == [1040005]
    wrong = view("registration", "sent_email", values=traits, messages=[Message(4040003, "wrong")], **SENT)
    assert lines(wrong) == [*hidden, code, again, method, go_on]


@pytest.mark.parametrize("messages", [[], [Message(4060006, "wrong")]])
def test_recovery_asks_for_the_code_and_offers_another(messages: list[Message]) -> None:
    shown = view("recovery", "sent_email", messages=messages, **SENT)
    assert lines(shown) == [
        CSRF,
        "code code text! L1070010",
        'code method hidden="code"',
        'code method submit="code" L1070009',
        'code email submit="ada@example.org" L1070008',
    ]
    assert said(shown) == [messages[0].id if messages else 1060003]
    code = form(shown)["nodes"][1]["attributes"]
    assert (code["pattern"], code["maxlength"]) == ("[0-9]+", 6)


@pytest.mark.parametrize("messages", [[], [Message(4070006, "wrong")]])
def test_verification_asks_for_the_code_and_offers_another(messages: list[Message]) -> None:
    shown = view("verification", "sent_email", messages=messages, **SENT)
    assert lines(shown) == [
        'code method hidden="code"',
        "code code text! L1070011",
        'code method submit="code" L1070009',
        'code email submit="ada@example.org" L1070008',
    ]
    assert said(shown) == [messages[0].id if messages else 1080003]


# --------------------------------------------------------------------------------------------------- how each ends


@pytest.mark.parametrize("state", ["finishing", "completed"])
def test_a_verified_address_leads_on(state: str) -> None:
    stale = [Message(4070006, "wrong")]
    ui = form(view("verification", state, return_url="https://app.example/", messages=stale, **SENT))
    assert (ui["action"], ui["method"]) == ("https://app.example/", "GET")
    assert [line(node) for node in ui["nodes"]] == [CSRF, "code continue a L1070009"]
    assert ui["nodes"][1]["attributes"]["href"] == "https://app.example/"
    assert ui["nodes"][1]["attributes"]["title"]["id"] == 1070009
    assert [(message["id"], message["type"]) for message in ui["messages"]] == [(1080002, "success")]


def test_a_passed_recovery_keeps_its_form_and_says_nothing_more() -> None:
    shown = view("recovery", "completed", messages=[Message(4060006, "wrong")], **SENT)
    assert lines(shown) == lines(view("recovery", "sent_email", **SENT))
    assert said(shown) is None


def test_saved_settings_say_so_and_nothing_that_was_said_before() -> None:
    shown = view("settings", "completed", messages=[NOTHING, ON_FIELD])
    assert lines(shown) == SETTINGS
    assert said(shown) == [1050001]


@pytest.mark.parametrize("state", ["authenticating", "finishing", "completed"])
def test_a_code_form_stays_while_the_verdict_is_worked_on(state: str) -> None:
    shown = view("login", state, values=TYPED, **SENT)
    assert lines(shown) == lines(view("login", "sent_email", values=TYPED, **SENT))
    assert lines(view("login", state, active="password")) == LOGIN


# ------------------------------------------------------------------------------------------------------- what is kept


def test_what_was_typed_stands_in_its_field_and_a_password_never() -> None:
    values = {"identifier": "ada", "password": "hush-hush", "traits": {"email": "a@b", "name": {"first": "A"}}}
    assert lines(view("login", values=values))[1] == 'default identifier text="ada"! L1070002'
    registration = view("registration", values=values)
    assert lines(registration)[1:4] == [
        'default traits.email email="a@b"! L1070002',
        'default traits.name.first text="A" L1070002',
        "default traits.letters checkbox",
    ]
    for kind in FlowKind:
        assert "hush" not in json.dumps(form(view(kind, values=values)))


def test_settings_show_the_identity_s_traits_until_others_are_typed() -> None:
    traits = {"email": "a@b", "letters": False, "name": {"first": "A"}}
    assert lines(view("settings", "show_form", traits=traits))[1:4] == [
        'profile traits.email email="a@b"! L1070002',
        'profile traits.name.first text="A" L1070002',
        "profile traits.letters checkbox=false",
    ]
    typed = view("settings", "show_form", traits=traits, values={"traits": {"email": 5}})
    assert lines(typed)[1:4] == [
        "profile traits.email email=5! L1070002",
        "profile traits.name.first text L1070002",
        "profile traits.letters checkbox",
    ]


@pytest.mark.parametrize("traits", [None, 3, "x", [], {"email": {"no": 1}, "name": "x"}])
def test_traits_of_a_wrong_shape_leave_the_fields_empty(traits: Any) -> None:
    assert lines(view("registration", values={"traits": traits})) == REGISTRATION


# -------------------------------------------------------------------------------------------------------- messages


def test_messages_stand_on_their_field_or_above_the_form() -> None:
    shown = view("registration", messages=[ON_FIELD, NOTHING, Message(79, "", "info", node="password")])
    ui = form(shown)
    assert said(shown) == [77]
    assert ui["nodes"][1]["messages"] == [{"id": 78, "text": "not this", "type": "error", "context": {"a": 1}}]
    assert lines(shown)[5] == "password password password! L1070001 !79"


@pytest.mark.parametrize(
    ("kind", "state", "place"),
    [
        ("login", "choose_method", 2),
        ("registration", "choose_method", 4),
        ("settings", "show_form", 1),
        ("recovery", "choose_method", 3),
    ],
)
def test_a_field_the_form_lacks_is_made(kind: str, state: str, place: int) -> None:
    """Among the general fields where Kratos sorts them, else at the end."""
    lost = Message(79, "lost", node="traits.nobody")
    before, shown = lines(view(kind, state)), lines(view(kind, state, messages=[lost, lost]))
    assert shown == [*before[:place], "default traits.nobody text !79 !79", *before[place:]]


def test_a_message_for_a_trait_that_login_does_not_have_follows_the_identifier() -> None:
    assert lines(view("login", messages=[ON_FIELD]))[1:4] == [LOGIN[1], "default traits.email text !78", LOGIN[2]]


@pytest.mark.parametrize(
    ("kind", "state", "button"),
    [
        ("login", "choose_method", 'code method submit="code" L1010015 !1'),
        ("registration", "choose_method", 'code method submit="code" L1040006 !1'),
        ("settings", "show_form", 'profile method submit="profile" L1070003 !1'),
        ("recovery", "sent_email", 'code method submit="code" L1070009 !1'),
    ],
)
def test_a_message_for_the_method_stands_on_the_first_button(kind: str, state: str, button: str) -> None:
    assert button in lines(
        view(kind, state, messages=[Message(1, "", node="method")], **(SENT if state == "sent_email" else {}))
    )


def test_an_address_found_wanting_is_shown_empty() -> None:
    missing = Message(4000002, "", node="email")
    wanting = 'code email email=""! L1070007 !4000002'
    assert lines(view("recovery", messages=[missing])) == [CSRF, wanting, ASK_ADDRESS[1]]
    assert lines(view("verification", messages=[missing])) == [wanting, ASK_ADDRESS[1], CSRF]


# ------------------------------------------------------------------------------------------------------------ freshness


@pytest.mark.parametrize("kind", list(FlowKind))
@pytest.mark.parametrize("state", ["preparing", "choose_method", "show_form", "sent_email", "completed"])
def test_a_form_is_json_and_a_new_one_every_time(kind: FlowKind, state: str) -> None:
    shown = view(kind, state, **SENT)
    first = form(shown)
    kept = json.loads(json.dumps(first))
    for node in first["nodes"] or []:
        node["attributes"].clear()
        node["messages"].append("x")
        node["meta"].clear()
    assert json.loads(json.dumps(form(shown))) == kept


@pytest.mark.parametrize("kind", list(FlowKind))
def test_every_node_has_kratos_keys_and_every_input_says_whether_it_is_disabled(kind: FlowKind) -> None:
    for node in form(view(kind))["nodes"]:
        assert list(node) == ["type", "group", "attributes", "messages", "meta"]
        assert node["attributes"]["node_type"] == node["type"]
        assert node["attributes"]["disabled"] is False
