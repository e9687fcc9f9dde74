"""Nodes of a form as plain dicts in Kratos' JSON shape, fresh at every call and so safe to change.

Written out by hand, one literal each: a form is built for every answer and for every action's context.
"""

from collections.abc import Mapping
from typing import Any

from limen.domain.message import Message
from limen.domain.trait_node import TraitNode

Node = dict[str, Any]


def csrf(token: str) -> Node:
    """The hidden token; empty in native flows, which have the node all the same."""
    return {
        "type": "input",
        "group": "default",
        "attributes": {
            "name": "csrf_token",
            "type": "hidden",
            "value": token,
            "required": True,
            "disabled": False,
            "node_type": "input",
        },
        "messages": [],
        "meta": {},
    }


def field(
    name: str,
    kind: str,
    group: str,
    *,
    value: Any = None,
    required: bool = False,
    label: Message | None = None,
    **attributes: Any,
) -> Node:
    """An input of the HTML type `kind`. A value of None is left out; the empty text stays."""
    inner: dict[str, Any] = {"name": name, "type": kind}
    if value is not None:
        inner["value"] = value
    if required:
        inner["required"] = True
    if attributes:
        inner |= attributes
    inner["disabled"] = False
    inner["node_type"] = "input"
    meta = {} if label is None else {"label": label.body()}
    return {"type": "input", "group": group, "attributes": inner, "messages": [], "meta": meta}


def submit(name: str, value: str, group: str, label: Message) -> Node:
    """A button that sends `name=value`."""
    return {
        "type": "input",
        "group": group,
        "attributes": {"name": name, "type": "submit", "value": value, "disabled": False, "node_type": "input"},
        "messages": [],
        "meta": {"label": label.body()},
    }


def trigger(name: str, call: str, label: Message, group: str, *, browser: bool, value: str | None = None) -> Node:
    """A button that calls a function of the script (`call`); an app goes by the function's name alone."""
    inner: dict[str, Any] = {"name": name, "type": "button"}
    if value is not None:
        inner["value"] = value
    inner["disabled"] = False
    if browser:
        inner["onclick"] = f"window.{call}({value or ''})"
    inner |= {"onclickTrigger": call, "node_type": "input"}
    return {"type": "input", "group": group, "attributes": inner, "messages": [], "meta": {"label": label.body()}}


def script(name: str, source: str, integrity: str, nonce: str, group: str) -> Node:
    """A script, with the digest of what it must be (Subresource Integrity) and its nonce."""
    attributes = {
        "src": source,
        "async": True,
        "referrerpolicy": "no-referrer",
        "crossorigin": "anonymous",
        "integrity": integrity,
        "type": "text/javascript",
        "id": name,
        "nonce": nonce,
        "node_type": "script",
    }
    return {"type": "script", "group": group, "attributes": attributes, "messages": [], "meta": {}}


def hidden_method(group: str) -> Node:
    """The method again, hidden, so that a resend button need not name it."""
    return {
        "type": "input",
        "group": group,
        "attributes": {"name": "method", "type": "hidden", "value": group, "disabled": False, "node_type": "input"},
        "messages": [],
        "meta": {},
    }


def password(autocomplete: str, label: Message) -> Node:
    """The password; its value is never kept, so it has none."""
    return field("password", "password", "password", required=True, label=label, autocomplete=autocomplete)


def trait(node: TraitNode, group: str, value: Any = None, kind: str | None = None) -> Node:
    """The field of a trait, `kind` instead of its own input type where that is given (`hidden`)."""
    attributes = node.attributes()
    if kind is not None:
        attributes["type"] = kind
    if value is not None:
        attributes["value"] = value
    label = node.label
    meta = {} if label is None else {"label": label.body()}
    return {"type": "input", "group": group, "attributes": attributes, "messages": [], "meta": meta}


def image(name: str, source: str, group: str, label: Message, size: int) -> Node:
    """A square picture of `size` pixels, as a data URI."""
    return {
        "type": "img",
        "group": group,
        "attributes": {"src": source, "id": name, "width": size, "height": size, "node_type": "img"},
        "messages": [],
        "meta": {"label": label.body()},
    }


def text(name: str, said: Message, group: str, label: Message) -> Node:
    """Something to read."""
    return {
        "type": "text",
        "group": group,
        "attributes": {"text": said.body(), "id": name, "node_type": "text"},
        "messages": [],
        "meta": {"label": label.body()},
    }


def anchor(name: str, href: str, group: str, label: Message) -> Node:
    """A link."""
    return {
        "type": "a",
        "group": group,
        "attributes": {"href": href, "title": label.body(), "id": name, "node_type": "a"},
        "messages": [],
        "meta": {"label": label.body()},
    }


def name_of(node: Node) -> str:
    """What a message's pointer calls the node."""
    attributes: Mapping[str, Any] = node["attributes"]
    return str(attributes.get("name") or attributes.get("id") or "")
