"""What should have arrived, and whether it did: the demo shows nothing that it has not checked."""

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limen.adapters.sink import Received, Sink

PATIENCE_SECONDS = 10.0
"""How long a delivery may take to arrive."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One request of an action: where it should have gone, with which JSON body."""

    action: str
    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `detail` says what was found where it is not `held`."""

    claim: str
    held: bool
    detail: str = ""


async def arrivals(sink: Sink, expected: Sequence[Expected]) -> list[Check]:
    """Compares, action by action and in order, what the sink received with what it should have. Waits for the last."""
    with contextlib.suppress(TimeoutError):  # what is missing is named below
        await sink.wait(len(expected), within=PATIENCE_SECONDS)
    await asyncio.sleep(0.05)  # and what comes too often would come now
    checks = [_arrived(one, number, sink) for one, number in _numbered(expected)]
    known = {one.path: sum(1 for other in expected if other.path == one.path) for one in expected}
    for path in dict.fromkeys(request.path for request in sink.received):
        count, wanted = len(sink.of(path)), known.get(path, 0)
        if count > wanted:
            checks.append(Check(f"nothing else comes to {path}", held=False, detail=f"{count} requests, not {wanted}"))
    return checks


def _numbered(expected: Sequence[Expected]) -> list[tuple[Expected, int]]:
    seen: dict[str, int] = {}
    numbered = []
    for one in expected:
        numbered.append((one, seen.get(one.path, 0)))
        seen[one.path] = seen.get(one.path, 0) + 1
    return numbered


def _arrived(expected: Expected, number: int, sink: Sink) -> Check:
    claim = f"{expected.action} reached POST {expected.path}"
    received = sink.of(expected.path)
    if number >= len(received):
        return Check(claim, held=False, detail="it did not arrive")
    request = received[number]
    if (fault := _fault(request, expected.body)) is not None:
        return Check(claim, held=False, detail=fault)
    return Check(claim, held=True)


def _fault(request: Received, body: Mapping[str, Any]) -> str | None:
    """What is wrong with a request, or None. The ids in its headers are one and the same trigger."""
    try:
        found = json.loads(request.body)
    except ValueError:
        return "its body is not JSON"
    if found != body:
        return f"its body is {json.dumps(found)}, not {json.dumps(dict(body))}"
    trigger = request.header("Ory-Webhook-Trigger-Id")
    if request.method != "POST" or not trigger or request.header("webhook-id") != trigger:
        return "its method or the ids in its headers are wrong"
    return None
