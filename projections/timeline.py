"""The actions of a flow, in the order they came to an end: from its own events and from those of its deliveries.

Works on events as the log shows them: mappings with `position`, `stream`, `type`, `time` and `data`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Entry = Mapping[str, Any]

_ENDS = {
    "ActionAnswered": None,
    "ActionFailed": "fail",
    "ActionCanceled": "cancel",
    "DeliveryDelivered": None,
    "DeliveryAttempted": "fail",
    "DeliveryParked": "fail",
    "DeliveryCanceled": "cancel",
}
"""The events an attempt ends by, and the verdict of those that carry none."""


def actions_of(flow: Iterable[Entry], deliveries: Iterable[Entry] = ()) -> list[dict[str, Any]]:
    """One entry an attempt: `hook`, `id`, `phase`, `method`, `verdict`, `status`, `duration_ms`, and more beside.

    An attempt that left and was never heard of again, and a delivery nobody has tried yet, have no verdict. Messages
    to people are no actions and are left out.
    """
    found: list[dict[str, Any]] = []
    begun: dict[tuple[str, int], dict[str, Any]] = {}
    scheduled: dict[str, Entry] = {}
    untried: dict[str, dict[str, Any]] = {}
    for event in sorted([*flow, *deliveries], key=lambda entry: int(entry["position"])):
        kind, data, stream = event["type"], event["data"], event["stream"]
        if kind == "ActionStarted":
            entry = _entry(event, data["action"], None)
            begun[entry["id"], entry["attempt"]] = entry
            found.append(entry)
        elif kind == "DeliveryScheduled" and data["channel"] != "message":
            scheduled[stream] = data
            untried[stream] = _entry(event, {**data, "id": data["action"]}, stream)
            found.append(untried[stream])
        elif kind in _ENDS and (stream in scheduled or "action" in data):
            about = data.get("action") or {**scheduled[stream], "id": scheduled[stream]["action"]}
            entry = _entry(event, about, stream if stream in scheduled else None)
            earlier = untried.pop(stream, None) or begun.pop((entry["id"], entry["attempt"]), None)
            if earlier is not None:
                found.remove(earlier)
            found.append(entry)
    return found


def _entry(event: Entry, about: Mapping[str, Any], delivery: str | None) -> dict[str, Any]:
    data = event["data"]
    ended = event["type"] in _ENDS
    return {
        "hook": about["hook"],
        "id": about["id"],
        "phase": about["phase"],
        "method": about["method"],
        "verdict": (_ENDS[event["type"]] or data["verdict"]) if ended else None,
        "status": data.get("status"),
        "duration_ms": data.get("duration"),
        "attempt": data.get("attempt", 1 if delivery is None else 0),
        "reason": data.get("reason"),
        "detail": data.get("detail") or None,
        "modified": list(data.get("modified") or ()),
        "delivery": delivery,
        "awaited": about.get("awaited"),
        "time": event["time"],
        "position": event["position"],
    }
