"""A file with anything wrong is refused as a whole, with every fault by its place."""

import base64
import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limen.adapters.configuration import examine, read
from limen.domain.errors import ConfigurationInvalid, Fault

SCHEMA = {"type": "object", "properties": {"traits": {"type": "object", "properties": {"email": {"type": "string"}}}}}
SCHEMA_URI = "base64://" + base64.b64encode(json.dumps(SCHEMA).encode()).decode()


def a_file(**sections: Any) -> dict[str, Any]:
    return {"identity": {"schemas": [{"id": "default", "url": SCHEMA_URI}]}, **sections}


def faults(document: Any, **options: Any) -> dict[str, str]:
    return {fault.path: fault.message for fault in examine(document, env={}, **options).faults}


def a_web_hook(**config: Any) -> dict[str, Any]:
    return {"hook": "web_hook", "config": {"url": "https://crm.example/hook", "method": "POST", **config}}


def test_every_fault_is_listed_in_the_order_of_the_file() -> None:
    document = {
        "selfservice": {"flows": {"login": {"lifespan": "soon"}}, "colour": "blue"},
        "session": {"lifespan": 3600},
        "identity": {"schemas": []},
        "nonsense": 1,
    }
    with pytest.raises(ConfigurationInvalid) as refused:
        read(document, env={})
    assert refused.value.faults == (
        Fault("/selfservice/flows/login/lifespan", "must be a duration such as 1h30m10s or 500ms"),
        Fault(
            "/selfservice/colour",
            "unknown key; known here: allowed_return_urls, default_browser_return_url, flows, methods",
        ),
        Fault("/session/lifespan", "must be a text, not a number"),
        Fault("/identity/schemas", "must have at least 1 entry"),
        Fault("/nonsense", faults(document)["/nonsense"]),
    )
    assert faults(document)["/nonsense"].startswith("unknown key; known here: cipher")


@pytest.mark.parametrize(
    ("document", "pointer", "message"),
    [
        ({}, "/identity", "is missing"),
        ({"identity": {}}, "/identity/schemas", "is missing"),
        (a_file(serve="x"), "/serve", "must be an object, not a text"),
        (a_file(serve={"public": None}), "/serve/public", "must be an object, not nothing"),
        (a_file(sesion={}), "/sesion", "unknown key; did you mean 'session'?"),
        (a_file(log={"level": "loud"}), "/log/level", "must be one of trace, debug"),
        (a_file(log={"level": []}), "/log/level", "must be a text, not a list"),
        (a_file(serve={"public": {"port": 0}}), "/serve/public/port", "must be at least 1"),
        (a_file(serve={"public": {"port": 65536}}), "/serve/public/port", "must be at most 65535"),
        (a_file(serve={"public": {"port": True}}), "/serve/public/port", "must be a whole number, not true or false"),
        (a_file(serve={"public": {"port": 1.5}}), "/serve/public/port", "must be a whole number"),
        (a_file(serve={"public": {"base_url": "id.example"}}), "/serve/public/base_url", "must be an absolute http"),
        (a_file(serve={"public": {"base_url": "https://"}}), "/serve/public/base_url", "must be an absolute http"),
        (a_file(serve={"public": {"base_url": "http://h:99999/"}}), "/serve/public/base_url", "must be an absolute"),
        (a_file(hashers={"argon2": {"memory": "8 MB"}}), "/hashers/argon2/memory", "must be a size such as 8MB"),
        (a_file(hashers={"bcrypt": {}}), "/hashers/bcrypt/cost", "is missing"),
        (a_file(hashers={"bcrypt": {"cost": 3}}), "/hashers/bcrypt/cost", "must be at least 4"),
        (a_file(secrets={"cookie": ["short"]}), "/secrets/cookie/0", "must have at least 16 characters"),
        (a_file(secrets={"cipher": ["x" * 33]}), "/secrets/cipher/0", "must have at most 32 characters"),
        (a_file(secrets={"default": ["x" * 16, "x" * 16]}), "/secrets/default/1", "is the same as entry 0"),
        (a_file(secrets={"default": "x" * 16}), "/secrets/default", "must be a list, not a text"),
        (a_file(courier={"smtp": {"connection_uri": "http://m/"}}), "/courier/smtp/connection_uri", "must match"),
        (a_file(courier={"smtp": {"from_address": "nobody"}}), "/courier/smtp/from_address", "must be an e-mail"),
        (a_file(ciphers={"algorithm": "aes"}), "/ciphers/algorithm", "needs secrets.cipher"),
        (a_file(selfservice={"methods": {"sms": {}}}), "/selfservice/methods/sms", "unknown key"),
        (
            a_file(selfservice={"methods": {"code": {"passwordless_enabled": True, "mfa_enabled": True}}}),
            "/selfservice/methods/code/mfa_enabled",
            "excludes passwordless_enabled",
        ),
        (
            a_file(selfservice={"methods": {"webauthn": {"enabled": True}}}),
            "/selfservice/methods/webauthn/config",
            "is missing",
        ),
        (
            a_file(selfservice={"methods": {"oidc": {"config": {"providers": [{"provider": "google"}]}}}}),
            "/selfservice/methods/oidc/config/providers/0/client_secret",
            "is missing",
        ),
        (a_file(selfservice={"flows": {"logout": {"hooks": []}}}), "/selfservice/flows/logout/hooks", "unknown key"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(document: Any, pointer: str, message: str) -> None:
    found = faults(document)
    assert found[pointer].startswith(message)


@pytest.mark.parametrize("text", ["1h30m10s", "500ms", "0s", "1ns", "10us", "90m"])
def test_durations_are_those_of_go(text: str) -> None:
    assert faults(a_file(session={"lifespan": text})) == {}


@pytest.mark.parametrize("text", ["", "1", "1d", "-1h", "1.5h", "1h ", "h", "1H", "٣h", "9" * 30 + "h", "1h\n"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert set(faults(a_file(session={"lifespan": text}))) == {"/session/lifespan"}


def test_no_fault_repeats_a_value() -> None:
    secret = "hunter2"
    document = a_file(
        secrets={"cookie": [secret], "cipher": secret},
        courier={"smtp": {"connection_uri": f"ftp://{secret}@h/"}},
        dsn=[secret],
        selfservice={
            "flows": {
                "login": {
                    "before": {
                        "hooks": [
                            a_web_hook(
                                url=f"ftp://u:{secret}@h/",
                                body=f"base64://{secret}!",
                                headers={"X-Key": f"{secret}\n"},
                                auth={"type": "api_key", "config": {"name": "n", "value": [secret], "in": secret}},
                            )
                        ]
                    }
                }
            }
        },
    )
    reading = examine(document, env={})
    assert len(reading.faults) >= 8
    assert secret not in repr(reading)
    assert secret not in str(ConfigurationInvalid(reading.faults))


PLACES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
WHOLE = a_file(
    secrets={"cookie": ["x" * 16]},
    hashers={"argon2": {"memory": "8MB"}, "bcrypt": {"cost": 4}},
    session={"lifespan": "1h", "whoami": {"required_aal": "aal1"}},
    clients={"web_hook": {"header_allowlist": ["Accept"]}},
    selfservice={
        "methods": {"oidc": {"config": {"providers": [{"id": "a"}]}}, "webauthn": {"config": {"rp": {"id": "a"}}}},
        "flows": {
            "login": {"after": {"hooks": [a_web_hook(auth={"type": "api_key", "config": {}}, response={})]}},
            "registration": {"after": {"password": {"hooks": [{"hook": "session"}]}}},
            "recovery": {"before": {"hooks": [{"hook": "hook_1", "config": {"id": "a"}}]}},
        },
    },
)


def places(document: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = enumerate(document) if isinstance(document, list) else ()
    inner = document.items() if isinstance(document, dict) else items
    return [way, *(place for key, value in inner for place in places(value, (*way, key)))]


@given(st.sampled_from(places(WHOLE)[1:]), PLACES)
@settings(max_examples=400, deadline=None)
def test_whatever_stands_anywhere_is_accepted_or_refused_but_never_breaks(way: tuple[Any, ...], value: Any) -> None:
    document = copy.deepcopy(WHOLE)
    node: Any = document
    for key in way[:-1]:
        node = node[key]
    node[way[-1]] = value
    reading = examine(document, env={}, hooks={"hook_1": ["recovery.before"]})
    assert (reading.configuration is None) == bool(reading.faults)
