"""How an identifier is written down, so that two spellings of one address or user name meet in one account.

The rule is Ory Kratos' (26.2): width folded, NFKC, lower case, no invisible or control characters; a phone number in
international form loses its separators.
"""

import re
import unicodedata

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_SEPARATORS = re.compile(r"[\s().\-/]")


def normalize(value: str) -> str:
    """An e-mail address, user name or phone number in the one form it is stored and looked up in."""
    value = value.strip()
    if not value.isascii():
        value = unicodedata.normalize("NFKC", _INVISIBLE.sub("", value))
    value = value.lower()
    if not value.isprintable() or not value.isascii():
        value = "".join(letter for letter in value if not unicodedata.category(letter).startswith("C"))
        value = unicodedata.normalize("NFKC", value).strip()
    return normalize_phone(value) if value.startswith("+") else value


def normalize_phone(value: str) -> str:
    """A phone number in E.164 form where it is one in international notation, else as it was, trimmed."""
    number = _SEPARATORS.sub("", unicodedata.normalize("NFKC", value))
    return number if _PHONE.fullmatch(number) else value.strip()


def is_phone(value: str) -> bool:
    """Whether this is a phone number in international notation (what Kratos' format `tel` asks for)."""
    return _PHONE.fullmatch(_SEPARATORS.sub("", unicodedata.normalize("NFKC", value))) is not None
