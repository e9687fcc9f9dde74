"""The script that talks to authenticators: the forms call what it defines, and name it by its digest."""

import re
from base64 import b64encode
from hashlib import sha512
from uuid import uuid4

from limen.domain.configuration import FlowKind, MethodSettings
from limen.domain.ui import FormView, form
from limen.domain.ui.key_script import INTEGRITY, SOURCE
from tests.support.engine import person

ON = {
    "webauthn": MethodSettings(enabled=True, config={"passwordless": True}),
    "passkey": MethodSettings(enabled=True),
}


def test_every_call_of_a_form_is_defined_and_takes_what_it_is_given() -> None:
    defined = dict(re.findall(r"window\.(\w+) = (?:async )?\((\w*)\) =>", SOURCE))
    called: dict[str, str] = {}
    for kind, state in ((FlowKind.LOGIN, "open"), (FlowKind.REGISTRATION, "open"), (FlowKind.SETTINGS, "show_form")):
        for values in ({}, {"webauthn_asked": True}):
            view = FormView(kind, uuid4(), state, "browser", methods=ON, schema=person(), values=values)
            nodes = form(view)["nodes"]
            scripts = [node["attributes"] for node in nodes if node["type"] == "script"]
            assert [one["integrity"] for one in scripts] == [INTEGRITY]
            for node in nodes:
                for call in ("onclick", "onload"):
                    if call in node["attributes"]:
                        name = node["attributes"][f"{call}Trigger"]
                        assert node["attributes"][call].startswith(f"window.{name}(")
                        called[name] = defined[name]
    assert called == defined
    assert {name for name, given in called.items() if given} == {"oryWebAuthnLogin", "oryWebAuthnRegistration"}


def test_the_digest_is_that_of_the_script() -> None:
    assert "sha512-" + b64encode(sha512(SOURCE.encode()).digest()).decode() == INTEGRITY


def test_the_script_has_no_name_of_a_field_that_no_form_has() -> None:
    fields = set(re.findall(r'"((?:webauthn|passkey)_\w+)"', SOURCE))
    assert fields == {
        *("webauthn_login", "webauthn_register", "passkey_login", "passkey_register", "passkey_settings_register"),
        *("passkey_challenge", "passkey_create_data"),
    }
