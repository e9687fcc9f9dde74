"""What an identity schema says: identifiers, addresses, fields, defaults; and how form values get their types."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limen.domain.form_values import decode_form
from limen.domain.identifier import is_phone, normalize
from limen.domain.identity_schema import IdentitySchema


def schema(properties: dict[str, Any], **traits: Any) -> IdentitySchema:
    """An identity schema of these traits."""
    return IdentitySchema({"properties": {"traits": {"type": "object", "properties": properties, **traits}}})


def kratos(**says: Any) -> dict[str, Any]:
    return {"ory.sh/kratos": says}


ADDRESS = {
    "type": "string",
    "format": "email",
    "title": "Post",
    **kratos(
        credentials={"password": {"identifier": True}, "code": {"identifier": True, "via": "email"}},
        verification={"via": "email"},
        recovery={"via": "email"},
    ),
}
MEMBER = schema(
    {
        "email": ADDRESS,
        "name": {"type": "object", "properties": {"first": {"type": "string", "title": "First"}}},
        "letters": {"type": "boolean"},
        "age": {"type": "integer", "minimum": 13},
    },
    required=["email"],
)


# ------------------------------------------------------------------------------------------------------- identifiers


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("  Ada@Example.ORG ", "ada@example.org"),
        ("ADA", "ada"),
        ("ａｄａ@example.org", "ada@example.org"),
        ("a\u200bda@example.org", "ada@example.org"),
        ("a\u202eda", "ada"),
        ("a\x00da", "ada"),
        ("Ä@example.org", "ä@example.org"),
        ("A\u0308@example.org", "ä@example.org"),
        ("+49 (170) 123-4567", "+491701234567"),
        ("+1 what", "+1 what"),
        ("   ", ""),
    ],
)
def test_two_spellings_of_one_identifier_meet(typed: str, stored: str) -> None:
    assert normalize(typed) == stored
    assert normalize(stored) == stored


@given(st.text(max_size=12))
def test_an_identifier_in_its_one_form_stays_as_it_is(text: str) -> None:
    """Reservations normalize what was normalized before: a second pass must find the same stream."""
    assert normalize(normalize(text)) == normalize(text)


@pytest.mark.parametrize(("text", "answer"), [("+49 170 1234567", True), ("0170 1234567", False), ("+1", False)])
def test_a_phone_number_is_one_in_international_notation(text: str, answer: bool) -> None:
    assert is_phone(text) is answer


def test_one_trait_may_identify_by_several_methods() -> None:
    assert MEMBER.identifiers({"email": "Ada@Example.org"}) == {
        "password": ["ada@example.org"],
        "code": [("ada@example.org", "email")],
    }


@pytest.mark.parametrize(
    "traits", [{}, {"email": ""}, {"email": None}, {"email": ["a"]}, {"email": True}, None, "x", 5]
)
def test_traits_without_an_identifier_give_none(traits: Any) -> None:
    assert MEMBER.identifiers(traits) == {}
    assert MEMBER.verifiable(traits) == []


def test_code_addresses_are_sorted_and_password_identifiers_stay_in_the_document_s_order() -> None:
    both = {"type": "string", **kratos(credentials={"password": {"identifier": True}, "code": {"identifier": True}})}
    two = schema({"second": both, "first": both})
    found = two.identifiers({"first": "a@b", "second": "c@d"})
    assert found == {"password": ["c@d", "a@b"], "code": [("a@b", "email"), ("c@d", "email")]}


def test_every_item_of_a_list_counts_and_none_twice() -> None:
    many = schema({"mails": {"type": "array", "items": ADDRESS}})
    traits = {"mails": ["A@b", "a@B", "c@d", 7]}
    assert many.identifiers(traits)["password"] == ["a@b", "c@d", "7"]
    assert many.verifiable(traits) == [("a@b", "email"), ("c@d", "email"), ("7", "email")]


def test_a_phone_is_reached_by_sms() -> None:
    phone = {
        "type": "string",
        "format": "tel",
        **kratos(
            credentials={"code": {"identifier": True, "via": "sms"}},
            verification={"via": "sms"},
            recovery={"via": "sms"},
        ),
    }
    traits = {"phone": "+49 170 1234567"}
    address = [("+491701234567", "sms")]
    found = schema({"phone": phone})
    assert (found.identifiers(traits)["code"], found.verifiable(traits), found.recovery(traits)) == (address,) * 3


def test_an_address_to_verify_whose_format_nothing_checks_keeps_its_case() -> None:
    loose = schema({"mail": {"type": "string", "format": "no-validate", **kratos(verification={"via": "email"})}})
    assert loose.verifiable({"mail": " Ada@B "}) == [("Ada@B", "email")]


def test_references_within_the_document_are_followed_and_circles_entered_once() -> None:
    document = {
        "definitions": {
            "mail": ADDRESS,
            "tree": {"type": "object", "properties": {"of": {"$ref": "#/definitions/tree"}}},
        },
        "properties": {
            "traits": {
                "properties": {
                    "mail": {"$ref": "#/definitions/mail"},
                    "tree": {"$ref": "#/definitions/tree"},
                    "far": {"$ref": "https://example.org/x.json"},
                    "lost": {"$ref": "#/definitions/nothing"},
                }
            }
        },
    }
    found = IdentitySchema(document)
    assert found.identifiers({"mail": "A@b"})["password"] == ["a@b"]
    assert [node.name for node in found.trait_nodes] == ["traits.mail"]


@pytest.mark.parametrize(
    "document", [{}, {"properties": 3}, {"properties": {"traits": True}}, {"properties": {"x": {}}}]
)
def test_a_schema_without_traits_says_nothing(document: Any) -> None:
    empty = IdentitySchema(document)
    assert (empty.trait_nodes, empty.identifiers({"email": "a@b"}), empty.with_defaults({})) == ((), {}, {})


def test_the_authenticator_s_account_name_is_the_trait_that_says_so() -> None:
    named = schema({"nick": {"type": "string", **kratos(credentials={"totp": {"account_name": True}})}})
    assert named.account_name({"nick": "Ada"}) == "Ada"
    assert MEMBER.account_name({"email": "a@b"}) == ""


# -------------------------------------------------------------------------------------------------------------- forms


@pytest.mark.parametrize(
    ("trait", "attributes"),
    [
        ({"type": "string"}, {"type": "text"}),
        ({"type": ["string"]}, {"type": "text"}),
        ({"type": "integer"}, {"type": "number"}),
        ({"type": "number"}, {"type": "number"}),
        ({"type": "boolean"}, {"type": "checkbox"}),
        ({"const": "yes"}, {"type": "text"}),
        ({"const": True}, {"type": "checkbox"}),
        ({"type": "array", "items": {"type": "string"}}, {"type": "text"}),
        ({"type": "string", "format": "email"}, {"type": "email", "autocomplete": "email"}),
        ({"type": "string", "format": "tel"}, {"type": "tel", "autocomplete": "tel"}),
        ({"type": "string", "format": "uri"}, {"type": "url", "autocomplete": "url"}),
        ({"type": "string", "format": "date"}, {"type": "date"}),
        ({"type": "string", "format": "date-time"}, {"type": "datetime-local"}),
        ({"type": "string", "pattern": "^a+$"}, {"type": "text", "pattern": "^a+$"}),
        ({"type": "string", "minLength": 3, "maxLength": 9}, {"type": "text"}),
        ({"type": "string", "enum": ["x", "y"]}, {"type": "text", "options": [{"value": "x"}, {"value": "y"}]}),
    ],
)
def test_a_trait_is_a_field_of_its_type(trait: dict[str, Any], attributes: dict[str, Any]) -> None:
    (node,) = schema({"it": trait}).trait_nodes
    assert node.attributes() == {"name": "traits.it", "disabled": False, "node_type": "input", **attributes}
    assert node.label is None


@pytest.mark.parametrize(
    "trait", [{"type": "object"}, {"type": ["string", "null"]}, {}, {"type": "array", "items": {"type": "object"}}]
)
def test_what_has_no_one_plain_type_is_no_field(trait: dict[str, Any]) -> None:
    assert schema({"it": trait}).trait_nodes == ()


def test_fields_stand_in_the_document_s_order_nested_ones_in_their_place() -> None:
    nodes = MEMBER.trait_nodes
    assert [node.name for node in nodes] == ["traits.email", "traits.name.first", "traits.letters", "traits.age"]
    assert [node.required for node in nodes] == [True, False, False, False]
    label = nodes[1].label
    assert label is not None
    assert label.body() == {
        "id": 1070002,
        "text": "First",
        "type": "info",
        "context": {"name": "traits.name.first", "title": "First"},
    }


IDENTIFYING = kratos(credentials={"password": {"identifier": True}})


@pytest.mark.parametrize(
    ("properties", "label"),
    [
        ({"email": ADDRESS}, (1070002, {"name": "traits.email", "title": "Post"})),
        ({"email": {**ADDRESS, "title": ""}}, (1070004, None)),
        ({"email": ADDRESS, "nick": {"type": "string", "title": "Nick", **IDENTIFYING}}, (1070004, None)),
        (
            {"email": ADDRESS, "nick": {"type": "string", "title": "Nick"}},
            (1070002, {"name": "traits.email", "title": "Post"}),
        ),
        ({}, (1070004, None)),
    ],
)
def test_login_asks_for_the_one_identifier_by_its_title(properties: dict[str, Any], label: tuple[int, Any]) -> None:
    message = schema(properties).label_of_identifier
    assert (message.id, message.context) == label


# ----------------------------------------------------------------------------------------------------------- defaults


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"email": "a@b"}, {"email": "a@b", "name": {}}),
        ({"name": {"first": "A"}}, {"name": {"first": "A"}}),
        ({"name": None}, {"name": None}),
        ({"name": "x"}, {"name": "x"}),
        ("no object", "no object"),
        (None, None),
    ],
)
def test_a_missing_object_is_stored_empty(given: Any, stored: Any) -> None:
    assert MEMBER.with_defaults(given) == stored


def test_defaults_reach_into_objects_and_leave_what_was_given_alone() -> None:
    deep = schema({"a": {"type": "object", "properties": {"b": {"type": "object"}}}})
    given: dict[str, Any] = {"a": {"c": 1}}
    assert deep.with_defaults(given) == {"a": {"c": 1, "b": {}}}
    assert given == {"a": {"c": 1}}


def test_a_document_is_read_once_while_it_is_the_same() -> None:
    document: dict[str, Any] = {"properties": {}}
    assert IdentitySchema.of(document) is IdentitySchema.of(document)
    assert IdentitySchema.of({"properties": {}}) is not IdentitySchema.of(document)


# -------------------------------------------------------------------------------------------------------- form values

TYPED = schema(
    {
        "text": {"type": "string"},
        "count": {"type": "integer"},
        "size": {"type": "number"},
        "yes": {"type": "boolean"},
        "must": {"type": "boolean"},
        "need": {"type": "integer"},
        "list": {"type": "array", "items": {"type": "string"}},
        "sums": {"type": "array", "items": {"type": "number"}},
        "in": {"type": "object", "properties": {"deep": {"type": "integer"}}},
    },
    required=["must", "need"],
)


@pytest.mark.parametrize(
    ("sent", "traits"),
    [
        ({"text": "5"}, {"text": "5"}),
        ({"text": ""}, {}),
        ({"count": "5"}, {"count": 5}),
        ({"count": "5.0"}, {"count": 5}),
        ({"count": "five"}, {"count": "five"}),
        ({"count": "1_0"}, {"count": "1_0"}),
        ({"count": "nan"}, {"count": "nan"}),
        ({"size": "1e999"}, {"size": "1e999"}),
        ({"size": "1.5"}, {"size": 1.5}),
        ({"size": ""}, {}),
        ({"need": ""}, {"need": 0}),
        ({"yes": "true"}, {"yes": True}),
        ({"yes": "on"}, {"yes": True}),
        ({"yes": ["false", "true"]}, {"yes": True}),
        ({"yes": "false"}, {"yes": False}),
        ({"yes": "maybe"}, {"yes": "maybe"}),
        ({"yes": ""}, {}),
        ({"must": ""}, {"must": False}),
        ({"text": ["a", "b"]}, {"text": "a"}),
        ({"list": ["a", "b"]}, {"list": ["a", "b"]}),
        ({"list": "a"}, {"list": ["a"]}),
        ({"sums": ["1", "x"]}, {"sums": [1, "x"]}),
        ({"in.deep": "3"}, {"in": {"deep": 3}}),
        ({"stranger": "7"}, {"stranger": "7"}),
    ],
)
def test_a_form_s_texts_become_the_schema_s_types(sent: dict[str, Any], traits: dict[str, Any]) -> None:
    decoded = decode_form({"method": "profile", **{f"traits.{name}": value for name, value in sent.items()}}, TYPED)
    assert decoded == {"method": "profile", "traits": traits}


def test_a_json_body_passes_through() -> None:
    body = {"method": "password", "traits": {"count": "5"}, "password": "1"}
    assert decode_form(body, TYPED) == body


def test_dotted_names_join_the_traits_that_are_there_without_changing_them() -> None:
    body = {"traits": {"in": {"other": 1}}, "traits.in.deep": "2"}
    assert decode_form(body, TYPED) == {"traits": {"in": {"other": 1, "deep": 2}}}
    assert body["traits"] == {"in": {"other": 1}}
