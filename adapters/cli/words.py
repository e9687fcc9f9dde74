"""Events of a flow in a few words, for the timeline."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from limen.adapters.cli.output import BAD, DIM, GOOD, WARN

WORDS: Mapping[str, tuple[str, str]] = {
    "FlowInitiated": ("initiated", ""),
    "FlowOpened": ("opened", ""),
    "FlowOpenedChallenged": ("opened, message sent", ""),
    "MethodSubmitted": ("submitted", ""),
    "MethodAccepted": ("accepted", ""),
    "MethodRefused": ("refused", WARN),
    "SubmissionDismissed": ("dismissed", WARN),
    "SecretsShown": ("secrets shown", ""),
    "FormAdvanced": ("form advanced", ""),
    "FlowRedirected": ("sent elsewhere", ""),
    "FlowTurned": ("became another flow", GOOD),
    "ChallengeSent": ("message sent", ""),
    "ActionsPlanned": ("plan", DIM),
    "FlowInterrupted": ("interrupted", WARN),
    "FlowReleased": ("released", WARN),
    "FlowCompleted": ("completed", GOOD),
    "FlowRejected": ("rejected", BAD),
    "FlowFailed": ("failed", BAD),
    "FlowExpired": ("expired", DIM),
}
"""What each event is called, and its color."""


def words_of(type_: str, data: Mapping[str, Any]) -> str:
    """The rest of the line: what the event says, and what of it is in clear."""
    if type_ == "ActionsPlanned":
        return f"{data['phase']} · {'; '.join(_chosen(data))}"
    if type_ == "FlowInitiated":
        return " ".join(filter(None, (data["type"], _clear(data["request"], "url"))))
    if type_ == "FlowCompleted":
        return f"by {data['method']}"
    parts = [data.get("method"), data.get("reason"), data.get("action"), _messages(data.get("form"))]
    return " · ".join(str(part) for part in parts if part)


def name_of(action: Mapping[str, Any]) -> str:
    """What people call an action: its id, or what it does where it is built in."""
    return str(action["id"] if action["hook"] in ("web_hook", "bus", "python") else action["hook"])


def _chosen(plan: Mapping[str, Any]) -> Iterator[str]:
    """The actions in order, behind the list they were chosen from."""
    lists = {"default": "default list", "method": f"list of {plan['method']}", None: "list not recorded"}
    whose = {"configured": "", "bus": "bus, ", "python": "python, "}
    for (origin, rule), actions in groupby(plan["actions"], key=lambda one: (one["origin"], one["rule"])):
        yield f"{whose[origin]}{lists[rule]} · {', '.join(map(name_of, actions))}"


def _clear(value: Any, name: str) -> str:
    """One part of a sealed field, where it was opened; else whether it is sealed or erased."""
    if not isinstance(value, Mapping):
        return ""
    if value.get("sealed") is True or value.get("erased") is True:
        return f"({next(iter(value))})"
    return str(value.get(name) or "")


def _messages(form: Any) -> str:
    if not isinstance(form, Mapping) or "messages" not in form:
        return ""
    return "; ".join(str(message["text"]) for message in form["messages"])
