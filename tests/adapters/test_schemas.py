"""Traits against an identity schema: which message, with which context, on which node."""

import sys
from typing import Any

import pytest

from limen.adapters.schemas import SchemaValidator, schema_fault
from limen.domain.ports import Schemas

EMAIL = {"type": "string", "format": "email", "minLength": 3}
MEMBER = {
    "type": "object",
    "properties": {
        "traits": {
            "type": "object",
            "properties": {
                "email": EMAIL,
                "name": {"type": "object", "properties": {"first": {"type": "string"}}, "required": ["first"]},
                "age": {"type": "integer", "minimum": 13},
            },
            "required": ["email"],
            "additionalProperties": False,
        }
    },
    "required": ["traits"],
}


def told(validator: Schemas, traits: Any, schema_id: str = "it") -> list[tuple[int, str | None, Any]]:
    return [(message.id, message.node, message.context) for message in validator.faults(schema_id, traits)]


def one(trait: dict[str, Any], **extra: Any) -> SchemaValidator:
    """A schema of the one trait `x`."""
    return SchemaValidator({"it": {"properties": {"traits": {"properties": {"x": trait}}}, **extra}})


@pytest.fixture(scope="module")
def member() -> SchemaValidator:
    return SchemaValidator({"it": MEMBER})


@pytest.mark.parametrize("traits", [{"email": "a@b"}, {"email": "ada@example.org", "age": 13, "name": {"first": "A"}}])
def test_valid_traits_have_no_faults(member: SchemaValidator, traits: Any) -> None:
    assert told(member, traits) == []


def wrong_type(allowed: str, actual: str) -> dict[str, Any]:
    return {"allowed_types": [allowed], "actual_type": actual}


@pytest.mark.parametrize(
    ("traits", "faults"),
    [
        ({}, [(4000002, "traits.email", {"property": "email"})]),
        ({"email": "a@b", "name": {}}, [(4000002, "traits.name.first", {"property": "first"})]),
        ({"email": "not-an-address"}, [(4000040, "traits.email", {"value": "not-an-address"})]),
        ({"email": "Ada <a@b.c>"}, [(4000040, "traits.email", {"value": "Ada <a@b.c>"})]),
        (
            {"email": "a", "age": 5},
            [
                (4000003, "traits.email", {"min_length": 3, "actual_length": 1}),
                (4000040, "traits.email", {"value": "a"}),
                (4000018, "traits.age", {"minimum": 13, "actual": 5}),
            ],
        ),
        ({"email": 5}, [(4000026, "traits.email", wrong_type("string", "number"))]),
        ({"email": "a@b", "age": "old"}, [(4000026, "traits.age", wrong_type("integer", "string"))]),
        ({"email": None}, [(4000026, "traits.email", wrong_type("string", "null"))]),
        ({"email": ["a@b"]}, [(4000026, "traits.email", wrong_type("string", "array"))]),
        ({"email": {}}, [(4000026, "traits.email", wrong_type("string", "object"))]),
        ({"email": True}, [(4000026, "traits.email", wrong_type("string", "boolean"))]),
        ("no object", [(4000026, "traits", wrong_type("object", "string"))]),
        (None, [(4000026, "traits", wrong_type("object", "null"))]),
    ],
)
def test_a_fault_stands_on_the_field_it_is_about(member: SchemaValidator, traits: Any, faults: Any) -> None:
    assert told(member, traits) == faults


@pytest.mark.parametrize(
    ("trait", "value", "number", "context"),
    [
        ({"maxLength": 2}, "äöü", 4000017, {"max_length": 2, "actual_length": 3}),
        ({"pattern": "^a+$"}, "b", 4000004, {"pattern": "^a+$"}),
        ({"exclusiveMinimum": 3}, 3, 4000019, {"minimum": 3, "actual": 3}),
        ({"maximum": 2.5}, 3, 4000020, {"maximum": 2.5, "actual": 3}),
        ({"exclusiveMaximum": 3}, 3.0, 4000021, {"maximum": 3, "actual": 3}),
        ({"multipleOf": 3}, 4, 4000022, {"base": 3, "actual": 4}),
        ({"maxItems": 1}, [1, 2], 4000023, {"max_items": 1, "actual_items": 2}),
        ({"minItems": 1}, [], 4000024, {"min_items": 1, "actual_items": 0}),
        ({"uniqueItems": True}, [1, True, "a", 1], 4000025, {"index_a": 0, "index_b": 3}),
        ({"const": 4}, 5, 4000029, {"expected": "4"}),
        ({"const": {"a": 1}}, 5, 4000030, None),
        ({"type": ["string", "null"]}, 5, 4000026, {"allowed_types": ["null", "string"], "actual_type": "number"}),
        ({"format": "tel"}, "0170", 4000041, {"value": "0170"}),
    ],
)
def test_every_keyword_has_its_message(trait: dict[str, Any], value: Any, number: int, context: Any) -> None:
    assert told(one(trait), {"x": value}) == [(number, "traits.x", context)]


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ({"enum": ["a"]}, "b"),
        ({"not": {"type": "string"}}, "b"),
        ({"format": "date"}, "tomorrow"),
        ({"format": "date-time"}, "now"),
        ({"format": "uri"}, "no where"),
        ({"oneOf": [{"minimum": 1}, {"minimum": 2}]}, 3),
        ({"additionalProperties": False}, {"y": 1}),
        ({"minProperties": 1}, {}),
        (False, 1),
    ],
)
def test_what_has_no_number_of_its_own_gives_its_reason(trait: Any, value: Any) -> None:
    ((number, node, context),) = told(one(trait), {"x": value})
    assert (number, node, list(context)) == (4000001, "traits.x", ["reason"])


def test_the_value_is_in_no_reason() -> None:
    for trait in ({"enum": ["a"]}, {"format": "date"}, {"additionalProperties": False}):
        for message in one(trait).faults("it", {"x": "hush-hush"}):
            assert "hush" not in message.text


def test_of_alternatives_the_faults_of_each_are_told() -> None:
    either = one({"anyOf": [{"type": "string"}, {"type": "integer"}]})
    assert told(either, {"x": None}) == [
        (4000026, "traits.x", wrong_type("string", "null")),
        (4000026, "traits.x", wrong_type("integer", "null")),
    ]


def test_an_item_of_a_list_is_named_by_its_position() -> None:
    assert told(one({"items": {"type": "string"}}), {"x": ["a", 5]}) == [
        (4000026, "traits.x.1", wrong_type("string", "number"))
    ]


@pytest.mark.parametrize(
    ("says", "good", "bad"),
    [
        ({"verification": {"via": "email"}}, "a@b", "nobody"),
        ({"recovery": {"via": "email"}}, "a@b", "nobody"),
        ({"credentials": {"code": {"identifier": True, "via": "sms"}}}, "+491701234567", "0170"),
    ],
)
def test_an_address_without_a_format_has_that_of_its_channel(says: Any, good: str, bad: str) -> None:
    validator = one({"type": "string", "ory.sh/kratos": says})
    assert told(validator, {"x": good}) == []
    assert [fault[0] for fault in told(validator, {"x": bad})] in ([4000040], [4000041])


def test_a_format_that_says_to_look_away_is_obeyed() -> None:
    loose = one({"format": "no-validate", "ory.sh/kratos": {"verification": {"via": "email"}}})
    assert told(loose, {"x": "no.address"}) == []


def test_a_schema_that_names_no_draft_is_read_as_draft_seven() -> None:
    tuple_of_two = {"type": "array", "items": [{"type": "string"}, {"type": "integer"}]}
    assert told(one(tuple_of_two), {"x": ["a", "b"]}) == [(4000026, "traits.x.1", wrong_type("integer", "string"))]
    latest = one({"prefixItems": [{"type": "string"}]}, **{"$schema": "https://json-schema.org/draft/2020-12/schema"})
    assert told(latest, {"x": [1]}) == [(4000026, "traits.x.0", wrong_type("string", "number"))]


def test_an_unknown_schema_is_a_fault_of_the_flow(member: SchemaValidator) -> None:
    ((number, node, _),) = told(member, {}, "nobody's")
    assert (number, node) == (4000001, None)


@pytest.mark.parametrize("value", [object(), {1: 2}, {"x"}, "\ud800", float("nan"), float("inf")])
def test_what_is_no_json_is_a_fault_and_no_crash(member: SchemaValidator, value: Any) -> None:
    assert told(member, {"email": value})


def test_traits_nested_beyond_reason_do_not_end_the_process(member: SchemaValidator) -> None:
    deep: Any = "a@b"
    for _ in range(sys.getrecursionlimit() * 2):
        deep = [deep]
    assert told(member, {"email": deep})


# ------------------------------------------------------------------------------------------ schemas that are none


@pytest.mark.parametrize(
    "document",
    [
        {"properties": {"traits": {"type": "nothing"}}},
        {"properties": {"traits": {"properties": {"x": {"pattern": "("}}}}},
        {"properties": {"traits": {"$ref": "https://example.org/far.json"}}},
        {"properties": {"traits": {"$ref": "file:///etc/hostname"}}},
        {"properties": {"traits": {"$ref": "#/definitions/nothing"}}},
        {"$schema": "https://example.org/own-draft", "properties": {"traits": {}}},
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(document: Any) -> None:
    assert schema_fault(document)
    with pytest.raises(ValueError, match="identity schema 'broken'"):
        SchemaValidator({"broken": document})


@pytest.mark.parametrize("document", [None, [], "x", {}, {"properties": {}}, {"properties": {"traits": True}}])
def test_an_identity_schema_describes_traits(document: Any) -> None:
    assert schema_fault(document)


def test_a_good_schema_has_no_fault() -> None:
    assert schema_fault(MEMBER) is None
