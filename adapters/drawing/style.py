"""Colors, and how wide words are: an SVG has to say where things are before anybody knows the font."""

from html import escape

LINE = 17.0
"""Pixels from one line of a label to the next."""

SMALL = 11.5
"""Pixels of the type of labels."""

STYLE = """
text{font-family:Inter,"Segoe UI",Helvetica,Arial,"Liberation Sans","DejaVu Sans",sans-serif}
.ground{fill:#ffffff}.start{fill:#374151}
.arrow{fill:none;stroke-width:1.3}.tip{stroke:none}
.arrow.plain{stroke:#6b7280}.tip.plain{fill:#6b7280}
.arrow.pale{stroke:#dfe3e8}.tip.pale{fill:#d3d8df}
.arrow.taken{stroke:#2563eb;stroke-width:2.2;stroke-linecap:round}.tip.taken{fill:#2563eb}
.word{font-size:11.5px}.word.plain{fill:#374151}.word.pale{fill:#aeb5bf}.word.taken{fill:#1e3a8a;font-weight:600}
.state{fill:#ffffff;stroke-width:1.3}.inner{fill:none;stroke-width:1}
.state.plain,.inner.plain{stroke:#4b5563}.state.pale,.inner.pale{stroke:#dfe3e8}
.state.taken{fill:#eff5ff;stroke:#2563eb;stroke-width:1.8}.inner.taken{stroke:#93b4f5}
.state.here{stroke-width:1.8}.inner.here{stroke:#ffffff;stroke-opacity:.55}
.state.going{fill:#2563eb;stroke:#2563eb}.state.good{fill:#15803d;stroke:#15803d}
.state.bad{fill:#b91c1c;stroke:#b91c1c}.state.over{fill:#6b7280;stroke:#6b7280}
.name{font-size:14px;font-weight:600;text-anchor:middle}.name.plain{fill:#111827}.name.pale{fill:#b3bac4}
.name.taken{fill:#1e3a8a}.name.here{fill:#ffffff}
.stay{font-size:11px;text-anchor:middle;fill:#5b6b8c}.stay.here{fill:#ffffff;fill-opacity:.85}
.badge{fill:#2563eb}.badge.visits{fill:#1e3a8a;stroke:#ffffff;stroke-width:1.5}
.number{font-size:10.5px;font-weight:700;text-anchor:middle;fill:#ffffff}
"""

_NARROW, _WIDE = frozenset("fijlrt.,:;|'()[] "), frozenset("mwMW—…")
_TONES = {"completed": "good", "turned": "good", "delivered": "good", "rejected": "bad", "failed": "bad", "dead": "bad"}
_TONES |= {"expired": "over", "canceled": "over"}


def width_of(text: str, size: float) -> float:
    """About how wide a word is in a sans-serif font of that size; rather too wide than too narrow."""
    parts = (0.36 if letter in _NARROW else 1.0 if letter in _WIDE else 0.67 for letter in text)
    return sum(parts) * size


def tone(state: str) -> str:
    """The color of the state in which a flow stands: good, bad, over, or still going."""
    return _TONES.get(state, "going")


def badge_width(text: str) -> float:
    """How wide a number in its circle is."""
    return max(16.0, width_of(text, 10.5) + 9)


def badge_text(x: float, y: float, width: float, text: str, kind: str = "") -> str:
    """A number in its circle, `x` its left, `y` its middle."""
    shape = f'x="{x:.1f}" y="{y - 8:.1f}" width="{width:.1f}" height="16" rx="8"'
    number = f'<text class="number" x="{x + width / 2:.1f}" y="{y + 3.8:.1f}">{escape(text)}</text>'
    name = f"badge {kind}" if kind else "badge"
    return f'<rect class="{name}" {shape}/>{number}'
