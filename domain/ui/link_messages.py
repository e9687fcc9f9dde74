"""What is said of links that recover and verify, under Kratos' ids, in our own words."""

from typing import Final

from limen.domain.configuration import FlowKind
from limen.domain.message import Message

_SENT: Final = {FlowKind.RECOVERY: 1060002, FlowKind.VERIFICATION: 1080001}
_INVALID: Final = {FlowKind.RECOVERY: 4060004, FlowKind.VERIFICATION: 4070001}


def link_sent(kind: FlowKind) -> Message:
    """1060002, 1080001: a link is on its way; said for unknown addresses too."""
    text = "A link is on its way to the address you gave. If none arrives, check the spelling and ask for another."
    return Message(_SENT[kind], text, "info")


def link_invalid(kind: FlowKind) -> Message:
    """4060004, 4070001: a link that is wrong, or was used before; stands on the flow that takes the old one's place."""
    return Message(_INVALID[kind], "This link is wrong, or was used before. Ask for another one.")
