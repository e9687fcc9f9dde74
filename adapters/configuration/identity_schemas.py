"""Identity schemas: loads each by its URI and checks that it is one.

Source: what Kratos demands of an identity schema, and the shapes of its `ory.sh/kratos` extension.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from limen.adapters.configuration.check import check
from limen.adapters.configuration.draft import Draft
from limen.adapters.configuration.findings import Findings, join, section
from limen.adapters.configuration.shape import BOOL, Shape, one_of
from limen.adapters.configuration.uri import ContentUnavailable
from limen.adapters.schemas import schema_fault
from limen.domain.schema_place import EXTENSION

_VIA = one_of("email", "sms")
_EXTENSION: Shape = {
    "credentials": {
        "password": {"identifier": BOOL},
        "webauthn": {"identifier": BOOL},
        "passkey": {"display_name": BOOL},
        "totp": {"account_name": BOOL},
        "code": {"identifier": BOOL, "via": _VIA},
    },
    "verification": {"via": _VIA},
    "recovery": {"via": _VIA},
    "organizations": {"matcher": one_of("email_domain")},
}
_VERIFIABLE_FORMATS = ("email", "tel", "date", "time", "date-time", "no-validate")
_LIMIT_DEPTH = 64


def read_schemas(draft: Draft) -> dict[str, Mapping[str, Any]]:
    """Every identity schema by its id. Faults stand at the `url` it came from."""
    schemas: dict[str, Mapping[str, Any]] = {}
    entries = section(draft.document, "identity").get("schemas")
    for position, entry in enumerate(entries if isinstance(entries, list) else ()):
        name, url = (entry.get("id"), entry.get("url")) if isinstance(entry, Mapping) else (None, None)
        pointer = join("/identity/schemas", position)
        if isinstance(name, str) and name in schemas:
            draft.findings.fault(join(pointer, "id"), "another schema has this id already")
        if isinstance(url, str):
            schema = _read_schema(draft, url, join(pointer, "url"))
            if isinstance(name, str):
                schemas[name] = schema or {}
    default = section(draft.document, "identity").get("default_schema_id", "default")
    if schemas and isinstance(default, str) and default not in schemas:
        draft.findings.fault("/identity/default_schema_id", f"must be one of {', '.join(schemas)}")
    return schemas


def _read_schema(draft: Draft, url: str, pointer: str) -> Mapping[str, Any] | None:
    try:
        text = draft.content.text(url)
        schema = json.loads(text)
    except ContentUnavailable as error:
        draft.findings.fault(pointer, str(error))
        return None
    except (ValueError, RecursionError):
        draft.findings.fault(pointer, "is not JSON")
        return None
    wrong = list(schema_faults(schema))
    for message in wrong:
        draft.findings.fault(pointer, message)
    draft.contents[pointer] = text
    return schema if not wrong else None


def schema_faults(schema: Any) -> Iterator[str]:
    """What keeps a document from being an identity schema."""
    if not isinstance(schema, Mapping):
        yield "an identity schema is a JSON object"
        return
    if _depth(schema) > _LIMIT_DEPTH:
        yield "is nested too deeply"
        return
    wrong = schema_fault(schema)
    if wrong is not None:
        yield wrong
        return
    traits = schema["properties"]["traits"]
    fields = traits.get("properties")
    if traits.get("type", "object") != "object" or not isinstance(fields, Mapping) or not fields:
        yield "properties.traits must be an object with properties of its own"
        return
    yield from _extension_faults(schema, "")


def _extension_faults(node: Any, pointer: str) -> Iterator[str]:
    if isinstance(node, list):
        for position, inner in enumerate(node):
            yield from _extension_faults(inner, join(pointer, position))
    if not isinstance(node, Mapping):
        return
    for key, inner in node.items():
        if key != EXTENSION or pointer.endswith("/properties"):
            yield from _extension_faults(inner, join(pointer, key))
            continue
        findings = Findings()
        check(_EXTENSION, inner, join(pointer, key), findings)
        yield from (str(fault) for fault in findings.faults)
        wanted = node.get("format")
        if "verification" in section(node, EXTENSION) and wanted is not None and wanted not in _VERIFIABLE_FORMATS:
            yield f"{join(pointer, 'format')}: must be one of {', '.join(_VERIFIABLE_FORMATS)}"


def _depth(value: Any) -> int:
    """How deep it is nested, counted without recursion and no further than needed."""
    layer, depth = [value], 0
    while layer and depth <= _LIMIT_DEPTH:
        depth += 1
        inner = [child for node in layer for child in (node.values() if isinstance(node, Mapping) else node)]
        layer = [child for child in inner if isinstance(child, Mapping | list)]
    return depth
