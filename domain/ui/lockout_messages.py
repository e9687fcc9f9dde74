"""What limen says of lockouts. Kratos has none: the id is limen's own, among those of what is wrong in logins."""

from datetime import datetime

from limen.domain.message import Message
from limen.domain.ui.messages import time


def locked(until: datetime) -> Message:
    """4010900: too many failed logins; nothing is tried before then, right or wrong."""
    text = f"Too many failed logins. Try again after {until:%Y-%m-%d %H:%M:%S} UTC."
    return Message(4010900, text, "error", {"locked_until": time(until), "locked_until_unix": int(until.timestamp())})
