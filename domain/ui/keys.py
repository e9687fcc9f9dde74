"""Security keys (`webauthn`) and passkeys in forms.

The challenges stand in `view.shown` and are there for the person alone: where an action is given the form, the same
nodes stand empty. Security keys are asked in browsers only; passkeys in apps too, which have no script (Kratos).
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

from limen.domain.identity_schema import IdentitySchema
from limen.domain.ui import identifying, key_messages, key_script, labels, nodes
from limen.domain.ui.nodes import Node
from limen.domain.ui.view import FormView

ASKED = "webauthn_asked"
"""What the form keeps where an identifier was given and its security key is to be asked."""
PREVIOUS = "previous"
"""The `screen` that leads back from there."""


def script(view: FormView) -> list[Node]:
    """The script that talks to the authenticator; once, whichever of the two needs it."""
    if not view.browser:
        return []
    base = view.base_url if view.base_url.endswith("/") else view.base_url + "/"
    drawn = sha256(b"script" + view.csrf_token.encode()).digest()  # keyed, as the token is: nobody guesses it
    nonce = str(UUID(bytes=drawn[:16], version=4))
    source = f"{base}.well-known/ory/webauthn.js"
    return [nodes.script("webauthn_script", source, key_script.INTEGRITY, nonce, "webauthn")]


# --------------------------------------------------------------------------------------------------------------- login


def offered(view: FormView) -> list[Node]:
    """The ways to sign in, in the form of a login: by a key of the name that is given, and by a passkey."""
    form: list[Node] = []
    by_key, by_passkey = view.by_key and _may(view, "webauthn"), view.by_passkey and _may(view, "passkey")
    if by_key and view.refresh:
        return [*_asked(view), *(_passkey(view) if by_passkey else ())]
    if by_key:
        form.append(nodes.submit("method", "webauthn", "webauthn", labels.SIGN_IN_BY_KEY))
    if by_passkey:
        form += [*script(view), *_passkey(view)]
    return form


def _may(view: FormView, method: str) -> bool:
    """Whether the person may sign in so: the ways may be theirs alone, when they confirm themselves or in two steps."""
    return view.has(method) and identifying.offers(view, method)


def proposed(view: FormView) -> list[Node]:
    """Before a name is given: what the browser needs to propose passkeys beside names (conditional mediation).

    There is no button; Kratos' source has it so (passkeys were on in no recording of two steps).
    """
    return [*script(view), *_passkey(view)[1:]] if view.by_passkey else []


def second(view: FormView) -> list[Node]:
    """The security key as a second factor."""
    return [identifier(view), *_asked(view)] if view.browser and "webauthn" in view.held else []


def asked(view: FormView) -> list[Node]:
    """The form of a login whose identifier is given: it wants the key's answer, or leads back to the other ways.

    Kratos draws it in another order once something has gone wrong; a client may go by either. It has no way back, nor
    needs one: it asks no name that has no key.
    """
    back = nodes.submit("screen", PREVIOUS, "webauthn", labels.BACK)
    value = view.values.get("identifier")
    named = nodes.field("identifier", "hidden", "default", value=value if isinstance(value, str) else "", required=True)
    if any(message.id != 1010012 for message in view.messages):
        return [nodes.csrf(view.csrf_token), named, *_asked(view, labels.ASK_KEY), back]
    answer, *rest = _asked(view, labels.ASK_KEY)
    return [named, nodes.csrf(view.csrf_token), *rest, answer, back]


def identifier(view: FormView) -> Node:
    """Who is to confirm that it is them, hidden."""
    known = IdentitySchema.of(view.schema).known_as(view.traits) if view.traits is not None else ""
    return nodes.field("identifier", "hidden", "default", value=known)


def _asked(view: FormView, label: Any = labels.SIGN_IN_BY_KEY) -> list[Node]:
    options = _shown(view, "webauthn").get("options", "")
    return [
        nodes.field("webauthn_login", "hidden", "webauthn", value=""),
        *script(view),
        nodes.trigger("webauthn_login_trigger", "oryWebAuthnLogin", label, "webauthn", browser=True, value=options),
    ]


def _passkey(view: FormView) -> list[Node]:
    attributes: dict[str, Any] = {}
    if not view.refresh:
        loaded = "oryPasskeyLoginAutocompleteInit"
        attributes = {"onload": f"window.{loaded}()"} if view.browser else {}
        attributes["onloadTrigger"] = loaded
    button = nodes.trigger(
        "passkey_login_trigger", "oryPasskeyLogin", labels.SIGN_IN_BY_PASSKEY, "passkey", browser=view.browser, value=""
    )
    challenge = _shown(view, "passkey").get("options", "")
    return [
        button,
        nodes.field("passkey_login", "hidden", "passkey", **attributes),
        nodes.field("passkey_challenge", "hidden", "passkey", value=challenge),
    ]


# -------------------------------------------------------------------------------------------------------- registration


def new(view: FormView) -> list[Node]:
    """The ways to sign up: with a security key that has a name, and with a passkey."""
    form = _new_key(view, labels.SIGN_UP_BY_KEY) if view.by_key else []
    if view.by_passkey and not view.by_key:
        form += script(view)
    if view.by_passkey:
        form += _new_passkey(view, "passkey_register", "oryPasskeyRegistration", labels.SIGN_UP_BY_PASSKEY, None)
    return form


def _new_key(view: FormView, label: Any) -> list[Node]:
    name = view.values.get("webauthn_register_displayname")
    name, options = name if isinstance(name, str) else "", _shown(view, "webauthn").get("options", "")
    call = "oryWebAuthnRegistration"
    return [
        nodes.field("webauthn_register_displayname", "text", "webauthn", value=name, label=labels.KEY_NAME),
        nodes.field("webauthn_register", "hidden", "webauthn", value=""),
        nodes.trigger("webauthn_register_trigger", call, label, "webauthn", browser=True, value=options),
        *script(view),
    ]


def _new_passkey(view: FormView, answer: str, call: str, label: Any, value: str | None) -> list[Node]:
    options = _shown(view, "passkey").get("options", "")
    return [
        nodes.trigger("passkey_register_trigger", call, label, "passkey", browser=view.browser, value=value),
        nodes.field(answer, "hidden", "passkey"),
        nodes.field("passkey_create_data", "hidden", "passkey", value=options),
    ]


# ------------------------------------------------------------------------------------------------------------ settings


def kept(view: FormView) -> list[Node]:
    """What settings show: the keys there are, each to be removed, and how to add one."""
    form: list[Node] = []
    on = view.browser and view.method("webauthn").enabled
    if on:
        form += [*_removable(view, "webauthn"), *_new_key(view, labels.ADD_KEY)]
    if view.by_passkey:
        call = "oryPasskeySettingsRegistration"
        form += [*(script(view) if not on else ()), *_removable(view, "passkey")]
        form += _new_passkey(view, "passkey_settings_register", call, labels.ADD_PASSKEY, "")
    return form


def _removable(view: FormView, method: str) -> list[Node]:
    """A button for each key; it is off for the last way to sign in."""
    form = []
    for key in _shown(view, method).get("keys", ()):
        label = key_messages.remove(method, key["name"], key["added_at"])
        button = nodes.submit(f"{method}_remove", key["id"], method, label)
        button["attributes"]["disabled"] = key["last"]
        form.append(button)
    return form


def _shown(view: FormView, method: str) -> Mapping[str, Any]:
    shown: Mapping[str, Any] = view.shown.get(method, {})
    return shown
