"""The canonical document: complete, without a secret, and enough (with the vault's part) to read it again."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from limen.adapters.configuration import examine, read, restore
from limen.domain.configuration import Configuration

SCHEMA = {"type": "object", "properties": {"traits": {"type": "object", "properties": {"email": {"type": "string"}}}}}
TEMPLATE = "function(ctx) { flow: ctx.flow.id }"
KEY = {"type": "api_key", "config": {"name": "X-Key", "value": "hidden-key", "in": "header"}}
BASIC = {"type": "basic_auth", "config": {"user": "u", "password": "hidden-password"}}
HOOKS = "/selfservice/flows/registration/after/hooks"

KRATOS: dict[str, Any] = {
    "dsn": "postgres://u:hidden-dsn@db/x",
    "secrets": {
        "cookie": ["hidden-cookie-secret", "hidden-older-secret-"],
        "cipher": ["hidden-cipher-of-32-characters--"],
    },
    "identity": {"schemas": [{"id": "default", "url": "file://person.json"}]},
    "courier": {
        "smtp": {"connection_uri": "smtp://u:hidden-smtp@mail.example/"},
        "channels": [{"id": "sms", "request_config": {"url": "https://s.example/?k=hidden-sms", "auth": BASIC}}],
    },
    "oauth2_provider": {"url": "https://u:hidden-hydra@h.example/", "headers": {"Authorization": "hidden-bearer"}},
    "selfservice": {
        "methods": {
            "oidc": {
                "config": {
                    "providers": [
                        {
                            "id": "g",
                            "provider": "google",
                            "client_id": "c",
                            "client_secret": "hidden-client",
                            "mapper_url": "file://mapper.jsonnet",
                        }
                    ]
                }
            }
        },
        "flows": {
            "registration": {
                "after": {
                    "hooks": [
                        {
                            "hook": "web_hook",
                            "config": {
                                "id": "welcome",
                                "url": "https://u:hidden-user@crm.example:8443/hook?token=hidden-query#hidden-part",
                                "method": "POST",
                                "body": "file://body.jsonnet",
                                "headers": {"X-Token": "hidden-header"},
                                "auth": KEY,
                            },
                        },
                        {"hook": "web_hook", "config": {"url": "https://plain.example/hook", "auth": BASIC}},
                        {"hook": "session"},
                    ]
                }
            }
        },
    },
}
SETTINGS = {"store": "memory:", "actions": {"welcome": {"timeout": "1500ms", "signing_secrets": ["env:SIGN"]}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "person.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "body.jsonnet").write_text(TEMPLATE)
    return tmp_path


def read_in(folder: Path, document: Mapping[str, Any] = KRATOS) -> Configuration:
    (folder / "a.json").write_text(json.dumps(document))
    return read(folder / "a.json", SETTINGS, env={"SIGN": "hidden-signing-secret"})


def at(document: Any, pointer: str) -> Any:
    for key in pointer.split("/")[1:]:
        document = document[int(key) if isinstance(document, list) else key.replace("~1", "/").replace("~0", "~")]
    return document


def test_no_secret_is_in_the_document(folder: Path) -> None:
    configuration = read_in(folder)
    assert "hidden" not in json.dumps(configuration.document)
    assert "hidden" not in repr(configuration)
    assert json.dumps(configuration.secret_document).count("hidden") == json.dumps(KRATOS).count("hidden") + 1


def test_each_masked_place_is_kept_for_the_vault_by_its_pointer(folder: Path) -> None:
    configuration = read_in(folder)
    for pointer in configuration.secret_document:
        assert "***" in at(configuration.document, pointer)
    secrets = configuration.secret_document
    assert secrets["/secrets/cookie/1"] == "hidden-older-secret-"
    assert secrets["/limen/actions/welcome/signing_secrets/0"] == "hidden-signing-secret"
    assert secrets[f"{HOOKS}/0/config/headers/X-Token"] == "hidden-header"
    assert secrets[f"{HOOKS}/1/config/auth/config/password"] == "hidden-password"


def test_of_a_url_only_what_is_secret_is_masked(folder: Path) -> None:
    document = read_in(folder).document
    assert at(document, f"{HOOKS}/0/config/url") == "https://***@crm.example:8443/hook?***#***"
    assert at(document, f"{HOOKS}/1/config/url") == "https://plain.example/hook"


def test_uris_stand_there_with_their_content(folder: Path) -> None:
    document = read_in(folder).document
    body = at(document, f"{HOOKS}/0/config/body").removeprefix("base64://")
    assert base64.b64decode(body).decode() == TEMPLATE
    schema = at(document, "/identity/schemas/0/url").removeprefix("base64://")
    assert json.loads(base64.b64decode(schema)) == SCHEMA


def test_what_was_read_can_be_read_again_from_the_document_and_its_secrets(folder: Path) -> None:
    configuration = read_in(folder)
    (folder / "person.json").unlink()
    (folder / "body.jsonnet").unlink()
    kept = json.loads(json.dumps([configuration.document, configuration.secret_document]))
    again = read(restore(*kept), env={})
    assert again.document == configuration.document
    assert again.secret_document == configuration.secret_document
    assert set(again.ignored) == set(configuration.ignored)
    operational = replace(again.settings, store="memory:")
    assert replace(again, ignored=configuration.ignored, settings=operational) == configuration


def test_restoring_leaves_the_document_as_it_is(folder: Path) -> None:
    configuration = read_in(folder)
    before = json.dumps(configuration.document)
    restore(configuration.document, configuration.secret_document)
    assert json.dumps(configuration.document) == before


def turned(value: Any) -> Any:
    """The same value with the keys of every object in the opposite order."""
    if isinstance(value, dict):
        return {key: turned(inner) for key, inner in reversed(value.items())}
    return [turned(inner) for inner in value] if isinstance(value, list) else value


def test_the_document_does_not_depend_on_the_order_of_keys(folder: Path) -> None:
    straight, turned_around = read_in(folder), read_in(folder, turned(KRATOS))
    assert json.dumps(straight.document) == json.dumps(turned_around.document)
    assert json.dumps(straight.secret_document) == json.dumps(turned_around.secret_document)


def test_a_changed_template_changes_the_document(folder: Path) -> None:
    before = read_in(folder).document
    (folder / "body.jsonnet").write_text(TEMPLATE.replace("flow", "id"))
    assert read_in(folder).document != before


def test_a_file_may_not_bring_limens_settings_along(folder: Path) -> None:
    (folder / "b.json").write_text(json.dumps({**KRATOS, "limen": {"actions": {}}}))
    assert [fault.path for fault in examine(folder / "b.json", env={}).faults] == ["/limen"]
