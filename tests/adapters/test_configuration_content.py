"""What a configuration points to: identity schemas and templates, by any kind of URI."""

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from limen.adapters.configuration import ContentUnavailable, examine, examine_checked, fetch_http, read, read_checked
from limen.adapters.templates import TemplatePool
from limen.domain.configuration import FlowKind
from limen.domain.errors import ConfigurationInvalid

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"traits": {"type": "object", "properties": {"email": {"type": "string"}}}},
}
TEMPLATE = "function(ctx) { flow: ctx.flow.id }"
URL = "/identity/schemas/0/url"


def base64_uri(text: str) -> str:
    return "base64://" + base64.b64encode(text.encode()).decode()


def a_file(schema: str, *bodies: str) -> dict[str, Any]:
    hooks = [{"hook": "web_hook", "config": {"url": f"https://x.example/{n}", "body": b}} for n, b in enumerate(bodies)]
    return {
        "identity": {"schemas": [{"id": "default", "url": schema}]},
        "selfservice": {"flows": {"login": {"before": {"hooks": hooks}}}},
    }


def schema_faults(schema: Any) -> list[str]:
    text = schema if isinstance(schema, str) else json.dumps(schema)
    reading = examine(a_file(base64_uri(text)), env={})
    assert {fault.path for fault in reading.faults} <= {URL}
    return [fault.message for fault in reading.faults]


def with_trait(**trait: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"traits": {"type": "object", "properties": {"email": trait}}}}


# ----------------------------------------------------------------------------------------------------- identity schemas


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ([], "an identity schema is a JSON object"),
        ({"type": "object"}, "an identity schema describes an object with the property 'traits'"),
        ({"properties": {"traits": {"type": "nonsense"}}}, "/properties/traits/type: "),
        ({"properties": {"traits": {"properties": {}}}}, "properties.traits must be an object with properties"),
        ({"properties": {"traits": {"type": "array", "properties": {"a": {}}}}}, "properties.traits must be an object"),
        (with_trait(pattern="("), "/properties/traits/properties/email/pattern: "),
        (with_trait(**{"$ref": "http://127.0.0.1:1/x"}), "Resource 'http://127.0.0.1:1/x'"),
        (with_trait(**{"$ref": "#/definitions/none"}), "Pointer '/definitions/none'"),
        (
            with_trait(**{"ory.sh/kratos": {"credential": {}}}),
            "/properties/traits/properties/email/ory.sh~1kratos/credential: unknown key; did you mean 'credentials'?",
        ),
        (
            with_trait(**{"ory.sh/kratos": {"verification": {"via": "pigeon"}}}),
            "/properties/traits/properties/email/ory.sh~1kratos/verification/via: must be one of email, sms",
        ),
        (
            with_trait(properties={"a": {"ory.sh/kratos": {"credentials": {"password": {"identifier": "yes"}}}}}),
            "/properties/traits/properties/email/properties/a/ory.sh~1kratos/credentials/password/identifier: must be",
        ),
        (
            with_trait(format="uri", **{"ory.sh/kratos": {"verification": {"via": "email"}}}),
            "/properties/traits/properties/email/format: must be one of email, tel",
        ),
    ],
)
def test_what_is_no_identity_schema_is_refused(schema: Any, message: str) -> None:
    (found,) = schema_faults(schema)
    assert found.startswith(message)


def test_a_schema_nested_without_end_is_refused() -> None:
    nested: dict[str, Any] = {}
    for _ in range(100):
        nested = {"items": nested}
    assert schema_faults(with_trait(**nested)) == ["is nested too deeply"]


def test_every_part_of_the_extension_is_accepted() -> None:
    credentials = {
        "password": {"identifier": True},
        "webauthn": {"identifier": True},
        "passkey": {"display_name": True},
        "totp": {"account_name": True},
        "code": {"identifier": True, "via": "sms"},
    }
    extension = {
        "credentials": credentials,
        "verification": {"via": "email"},
        "recovery": {"via": "sms"},
        "organizations": {"matcher": "email_domain"},
    }
    assert schema_faults(with_trait(type="string", format="email", **{"ory.sh/kratos": extension})) == []


def test_the_default_schema_must_be_among_them() -> None:
    document = a_file(base64_uri(json.dumps(SCHEMA)))
    document["identity"]["default_schema_id"] = "person"
    (fault,) = examine(document, env={}).faults
    assert (fault.path, fault.message) == ("/identity/default_schema_id", "must be one of default")


def test_two_schemas_of_one_id_are_refused() -> None:
    document = a_file(base64_uri(json.dumps(SCHEMA)))
    document["identity"]["schemas"] *= 2
    assert [fault.path for fault in examine(document, env={}).faults] == ["/identity/schemas/1/id"]


# -------------------------------------------------------------------------------------------------------------- content


def test_whitespace_in_base64_is_tolerated() -> None:
    uri = base64_uri(TEMPLATE)
    broken = uri[:20] + "\n   " + uri[20:] + " \n"
    (action,) = read(a_file(base64_uri(json.dumps(SCHEMA)), broken), env={}).flow(FlowKind.LOGIN).before
    assert action.web_hook is not None
    assert action.web_hook.template == TEMPLATE


def test_a_bare_path_is_read_beside_the_configuration_and_warns(tmp_path: Path) -> None:
    (tmp_path / "body.jsonnet").write_text(TEMPLATE)
    (tmp_path / "a.json").write_text(json.dumps(a_file(base64_uri(json.dumps(SCHEMA)), "body.jsonnet")))
    configuration = read(tmp_path / "a.json", env={})
    (action,) = configuration.flow(FlowKind.LOGIN).before
    assert action.web_hook is not None
    assert action.web_hook.template == TEMPLATE
    pointer = "/selfservice/flows/login/before/hooks/0/config/body"
    assert configuration.warnings == (f"{pointer}: a bare path is deprecated; write file:// before it",)


class _Handler(http.server.BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, tuple[int, bytes]]] = {
        "/schema.json": (200, json.dumps(SCHEMA).encode()),
        "/template": (200, TEMPLATE.encode()),
        "/flood": (200, b"x" * (2**20 + 1)),
    }
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, body = self.answers.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def a_server() -> Iterator[str]:
    _Handler.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_content_over_http_is_fetched_once_a_reading() -> None:
    with a_server() as url:
        document = a_file(f"{url}/schema.json", f"{url}/template", f"{url}/template")
        configuration = read(document, env={})
        assert sorted(_Handler.asked) == ["/schema.json", "/template"]
    assert [action.web_hook.template for action in configuration.flow(FlowKind.LOGIN).before if action.web_hook] == [
        TEMPLATE,
        TEMPLATE,
    ]


def test_content_that_cannot_be_had_is_a_fault() -> None:
    schema = base64_uri(json.dumps(SCHEMA))
    with a_server() as url:
        found = examine(a_file(schema, f"{url}/none", f"{url}/flood"), env={}).faults
    assert [fault.message for fault in found] == ["the server answered 404", "is larger than 1048576 bytes"]
    (gone,) = examine(a_file(schema, f"{url}/template"), env={}).faults
    assert gone.message == "cannot be fetched (ConnectError)"


def test_the_way_of_fetching_can_be_replaced() -> None:
    def refuse(url: str) -> bytes:
        raise ContentUnavailable("the address is not allowed")

    (fault,) = examine(a_file("https://schemas.example/person.json"), env={}, fetch=refuse).faults
    assert (fault.path, fault.message) == (URL, "the address is not allowed")
    with a_server() as url:
        assert fetch_http(f"{url}/template") == TEMPLATE.encode()


# ------------------------------------------------------------------------------------------------------------ templates


async def test_templates_that_do_not_compile_are_faults_among_the_others() -> None:
    schema = base64_uri(json.dumps(SCHEMA))
    document = a_file(schema, base64_uri(TEMPLATE), base64_uri("function(ctx) {"), base64_uri("import 'x'"))
    document["nonsense"] = 1
    async with TemplatePool(1) as templates:
        reading = await examine_checked(document, env={}, templates=templates)
        with pytest.raises(ConfigurationInvalid) as refused:
            await read_checked(document, env={}, templates=templates)
    assert refused.value.faults == reading.faults
    assert [fault.path for fault in reading.faults] == [
        "/selfservice/flows/login/before/hooks/1/config/body",
        "/selfservice/flows/login/before/hooks/2/config/body",
        "/nonsense",
    ]
    assert reading.faults[0].message.startswith("does not compile: ")


async def test_templates_that_compile_are_accepted() -> None:
    document = a_file(base64_uri(json.dumps(SCHEMA)), base64_uri(TEMPLATE))
    async with TemplatePool(1) as templates:
        assert await read_checked(document, env={}, templates=templates) == read(document, env={})
