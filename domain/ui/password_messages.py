"""What is said of a new password that is not taken, under Kratos' ids, in our own words."""

from limen.domain.message import Message


def unusable(reason: str, node: str | None = "password") -> Message:
    """4000005: refused by a rule without an id of its own."""
    return Message(4000005, f"This password cannot be used: {reason}.", "error", {"reason": reason}, node)


def too_similar(node: str | None = "password") -> Message:
    """4000031: too much like the identifier."""
    return Message(4000031, "This password is too much like the name you sign in with.", "error", None, node)


def too_short(minimum: int, actual: int, node: str | None = "password") -> Message:
    """4000032: lengths in characters."""
    text = f"A password takes {minimum} characters or more; this one has {actual}."
    return Message(4000032, text, "error", {"min_length": minimum, "actual_length": actual}, node)


def too_long(maximum: int, actual: int, unit: str = "characters", node: str | None = "password") -> Message:
    """4000033: lengths in characters (bcrypt: 72 bytes)."""
    text = f"A password takes {maximum} {unit} at most; this one has {actual}."
    return Message(4000033, text, "error", {"max_length": maximum, "actual_length": actual}, node)


def breached(count: int, node: str | None = "password") -> Message:
    """4000034: it is on the list of breached passwords, that many times."""
    text = "This password has become known in a breach of data somewhere; choose one that you have used nowhere."
    return Message(4000034, text, "error", {"breaches": count}, node)


def unchanged(node: str | None = "password") -> Message:
    """4000039: the new password is the old one."""
    return Message(4000039, "This is the password you have already; choose another.", "error", None, node)
