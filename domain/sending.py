"""Sending: one attempt of a delivery, over whichever channel it takes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from limen.domain.answer import Failure, retriable
from limen.domain.calling import judge
from limen.domain.delivery import Delivery
from limen.domain.errors import Erased
from limen.domain.handler import Actions, Interrupt, Modify, RegisteredHandler
from limen.domain.patience import OutOfTime, first
from limen.domain.ports import Answer, CallFailed, Courier, Mail
from limen.domain.runner import call_handler
from limen.domain.scheduling import request_of
from limen.domain.streams import Streams
from limen.domain.tools import Tools


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt came to: `failure` None is success; `again`: a flow that waits may try once more."""

    failure: Failure | None = None
    status: int | None = None
    digest: str | None = None
    retry_after: float | None = None
    again: bool = False
    verdict: str = "continue"


class Sending:
    """Web hooks, Python handlers and messages to people. Appends nothing."""

    def __init__(self, tools: Tools, streams: Streams, handlers: Actions, courier: Courier) -> None:
        self.tools = tools
        self.streams = streams
        self.handlers = handlers
        self.courier = courier

    async def attempt(self, delivery: Delivery, limit: float) -> Result:
        """Sends a delivery once, within `limit` seconds."""
        try:
            payload = await self._payload(delivery)
        except Erased:
            return Result(Failure("erased", "the person was erased"))
        if payload is None:
            return Result(Failure("payload", "the request is no longer kept"))
        if "request" in payload:
            return await self._web_hook(delivery, payload, limit)
        if "mail" in payload:
            return await self._mail(delivery, payload["mail"], limit)
        return await self._handler(payload, limit)

    async def handler_of(self, delivery: Delivery) -> RegisteredHandler | None:
        """The Python handler a delivery is for; None when it is registered no more."""
        try:
            payload = await self._payload(delivery)
        except Erased:
            return None
        return self.handlers.find(payload["handler"], payload["slot"]) if payload and "handler" in payload else None

    async def _payload(self, delivery: Delivery) -> Mapping[str, Any] | None:
        keyring, owner = self.tools.keyring, delivery.owner
        if not keyring.ready(owner) and not await keyring.load(owner):
            raise Erased(f"delivery {delivery.id}")
        row = await self.streams.store.vault(owner, "payload", str(delivery.id))
        if row is None and not await keyring.load(owner):
            raise Erased(f"delivery {delivery.id}")  # by another process
        return json.loads(keyring.decrypt(owner, row.value)) if row else None

    async def _web_hook(self, delivery: Delivery, payload: Mapping[str, Any], limit: float) -> Result:
        clock = self.tools.clock
        request = request_of(payload)
        call = self.tools.caller.call(request, request_id=self.tools.ids.new(), timeout=limit, sent_at=clock.now())
        answer: Answer | CallFailed
        try:
            answer = await first(clock, limit, call)
        except CallFailed as failed:
            answer = failed
        except OutOfTime:
            answer = CallFailed("timeout", "no answer in time")
        verdict = judge(answer, parses=False, modifies=False)
        failure = verdict if isinstance(verdict, Failure) else None
        again = retriable(answer, parses=False)
        if isinstance(answer, CallFailed):
            return Result(failure, again=again)
        digest = self.tools.keyring.digest(delivery.owner, answer.body)
        return Result(failure, answer.status, digest, answer.retry_after, again)

    async def _mail(self, delivery: Delivery, record: Mapping[str, Any], limit: float) -> Result:
        mail = Mail(**record)
        try:
            sent = await first(self.tools.clock, limit, self._send(mail, delivery.id))
        except OutOfTime:
            return Result(Failure("timeout", "the courier did not answer in time"), again=True)
        except Exception as error:
            return Result(Failure("courier", type(error).__name__), again=True)
        return Result() if sent else Result(Failure("nobody", "nobody is known at this address"))

    async def _send(self, mail: Mail, id: UUID) -> bool:
        """Hands a message over, unless nobody is to get it."""
        if not mail.withheld:
            await self.courier.send(mail, id=id)
        return not mail.withheld

    async def _handler(self, payload: Mapping[str, Any], limit: float) -> Result:
        handler = self.handlers.find(payload["handler"], payload["slot"])
        if handler is None:
            return Result(Failure("handler", "no handler of this id is registered"))
        try:
            answered = await first(self.tools.clock, limit, call_handler(handler, payload["context"]))
        except OutOfTime:
            return Result(Failure("timeout", f"no answer within {limit:g} s"))
        except Exception as error:
            return Result(Failure("handler", type(error).__name__))
        if isinstance(answered, Interrupt | Modify):
            return Result(verdict="ignored")
        return Result()
