"""Recovery and verification by link: the configuration, and what a person does with their mail."""

import asyncio
import re
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, urlsplit

from limen.domain import FlowView, Outcome
from limen.domain.request import Request
from tests.support.engine import ADA, House, JsonDict
from tests.support.smtp import SmtpSink

LINKS: JsonDict = {
    "selfservice": {
        "methods": {"link": {"enabled": True}},
        "flows": {"recovery": {"use": "link"}, "verification": {"use": "link"}},
    }
}


async def ask_link(house: House, kind: str, email: str = ADA, flow: FlowView | None = None, **options: Any) -> FlowView:
    """A flow in which a link was asked for."""
    flow = flow or await house.start(kind, **options)
    return (await house.engine.submit(flow.id, method="link", values={"email": email})).flow


def link_of(house: House) -> str:
    """The link that was mailed last."""
    return next(mail.link for mail in reversed(house.courier.messages) if mail.link)


def token_of(link: str) -> str:
    """The token in a link."""
    return parse_qs(urlsplit(link).query)["token"][0]


def flow_of(link: str) -> str:
    """The flow a link is of."""
    return parse_qs(urlsplit(link).query)["flow"][0]


async def follow(house: House, link: str, **options: Any) -> Outcome:
    """What an adapter does when a browser follows a link."""
    request = Request(method="GET", url=link)
    return await house.engine.resume(flow_of(link), query={"token": token_of(link)}, request=request, **options)


def link_in(text: str) -> str:
    """The link in the text of a message."""
    (link,) = re.findall(r"^https?://\S+", text, re.MULTILINE)
    return str(link)


async def arrived(sink: SmtpSink, count: int) -> EmailMessage:
    """The last of so many messages, once they are there."""
    async with asyncio.timeout(10):
        while len(sink.received) < count:  # noqa: ASYNC110 - the sink tells nobody
            await asyncio.sleep(0.005)
    return sink.received[-1]
