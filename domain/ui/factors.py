"""The second factors in forms: what a login asks for, and what settings show of them.

Secrets stand in `view.shown` and are there for the person alone: where an action is given the form, the same nodes
stand empty (better than Kratos, which sends the secret to every web hook).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from limen.domain.ui import factor_messages, keys, labels, nodes
from limen.domain.ui.nodes import Node
from limen.domain.ui.view import FormView

LOOKUP_SHOWN = "lookup_secret_shown"
"""What the form keeps when codes are shown: `confirm` for new ones, `reveal` for those in force."""
QR_SIZE = 256


def asked(view: FormView) -> list[Node]:
    """The second factors a login offers: those the person has. A field that was filled in wrongly has no value.

    Where a code is the only one, Kratos gives a native flow no CSRF field until something went wrong. A login that has
    failed offers none: nothing can be submitted to it any more.
    """
    if view.state == "failed":
        return [nodes.csrf(view.csrf_token)]
    bare = tuple(view.held) == ("code",) and not view.browser and not view.messages
    form = [] if bare else [nodes.csrf(view.csrf_token)]
    to = (nodes.submit("address", one, "code", factor_messages.code_to(one)) for one in view.addresses)
    form.extend(to)
    form += keys.second(view)
    if "totp" in view.held:
        value = view.values.get("totp_code", "")
        form.append(nodes.field("totp_code", "text", "totp", value=value, required=True, label=labels.TOTP_CODE))
        form.append(nodes.submit("method", "totp", "totp", labels.SIGN_IN_BY_TOTP))
    if "lookup_secret" in view.held:
        value, label = view.values.get("lookup_secret", ""), labels.LOOKUP_SECRET
        form.append(nodes.field("lookup_secret", "text", "lookup_secret", value=value, required=True, label=label))
        form.append(nodes.submit("method", "lookup_secret", "lookup_secret", labels.SIGN_IN_BY_LOOKUP_SECRET))
    return form


def kept(view: FormView) -> list[Node]:
    """What settings show of the second factors. Kratos puts codes that are shown behind everything else."""
    lookup = _lookup(view) if view.method("lookup_secret").enabled else ([], [])
    totp = _totp(view) if view.method("totp").enabled else []
    return [*lookup[0], *keys.kept(view), *totp, *lookup[1]]


def _totp(view: FormView) -> list[Node]:
    if "totp" in view.held:
        unlink = nodes.submit("totp_unlink", "true", "totp", labels.UNLINK_TOTP)
        unlink["attributes"]["required"] = True
        return [unlink]
    shown: Mapping[str, Any] = view.shown.get("totp", {})
    picture = shown["picture"]() if "picture" in shown else ""
    return [
        nodes.image("totp_qr", picture, "totp", labels.TOTP_QR, QR_SIZE),
        nodes.text("totp_secret_key", factor_messages.totp_secret(shown.get("secret", "")), "totp", labels.TOTP_SECRET),
        nodes.field("totp_code", "text", "totp", required=True, label=labels.NEW_TOTP_CODE),
        nodes.submit("method", "totp", "totp", labels.SAVE),
    ]


def _lookup(view: FormView) -> tuple[list[Node], list[Node]]:
    """The buttons, and apart from them the codes."""
    group, held, shown = "lookup_secret", "lookup_secret" in view.held, view.values.get(LOOKUP_SHOWN)
    regenerate = nodes.submit("lookup_secret_regenerate", "true", group, labels.REGENERATE_LOOKUP)
    disable = nodes.submit("lookup_secret_disable", "true", group, labels.DISABLE_LOOKUP)
    if shown == "confirm":
        return [], [_codes(view), nodes.submit("lookup_secret_confirm", "true", group, labels.CONFIRM_LOOKUP)]
    if shown == "reveal" and held:
        return [disable], [_codes(view), regenerate]
    if held:
        return [nodes.submit("lookup_secret_reveal", "true", group, labels.REVEAL_LOOKUP), disable], []
    return [regenerate], []


def _codes(view: FormView) -> Node:
    codes = view.shown.get("lookup_secret", {}).get("codes", ())
    said = [
        factor_messages.lookup_secret_used(datetime.fromisoformat(one["used_at"]))
        if one["used_at"]
        else factor_messages.lookup_secret(one["code"])
        for one in codes
    ]
    return nodes.text("lookup_secret_codes", factor_messages.lookup_secrets(said), "lookup_secret", labels.LOOKUP_CODES)
