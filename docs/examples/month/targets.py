"""What the shop's web hooks ask, on port 8907: `python targets.py` answers until it is stopped.

Addresses of throwaway.example are refused, and sign-ins from 203.0.113.0/24.
"""

import asyncio
import json

from limen.adapters.sink import Received, Reply, Sink

PORT = 8907


def refusal(pointer: str, text: str) -> Reply:
    """The answer that interrupts a flow."""
    message = {"id": 4_000_100, "text": text, "type": "error"}
    return Reply(400, json.dumps({"messages": [{"instance_ptr": pointer, "messages": [message]}]}).encode())


def addresses(request: Received) -> Reply:
    """Whether an address is one that lasts."""
    email = json.loads(request.body)["email"]
    throwaway = email.endswith("@throwaway.example")
    return refusal("#/traits/email", "use a lasting address") if throwaway else Reply(204, b"")


def risk(request: Received) -> Reply:
    """Whether somebody may sign in from there."""
    risky = json.loads(request.body)["client_ip"].startswith("203.0.113.")
    return refusal("#/", "sign-ins from there are not allowed") if risky else Reply(204, b"")


def targets() -> Sink:
    """All of them."""
    sink = Sink(port=PORT)
    sink.script("/addresses", addresses)
    sink.script("/risk", risk)
    return sink


async def main() -> None:
    """Answers until it is stopped."""
    async with targets():
        print(f"answering on http://127.0.0.1:{PORT}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
