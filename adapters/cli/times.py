"""Times and durations for people's eyes."""

from datetime import datetime

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def ago(instant: str, now: datetime) -> str:
    """How long ago, or how soon: `3 min ago`, `in 2 h`."""
    seconds = (now - datetime.fromisoformat(instant)).total_seconds()
    size, unit = next((one for one in _UNITS if abs(seconds) >= one[0]), _UNITS[-1])
    count = int(abs(seconds) / size)
    if count == 0:
        return "now"
    return f"{count} {unit} ago" if seconds > 0 else f"in {count} {unit}"


def span(seconds: float) -> str:
    """A duration in three digits or so: `412 ms`, `3.21 s`, `2 min 5 s`, `1 h 4 min`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def milliseconds(value: float) -> str:
    """A duration given in milliseconds: `0.4 ms`, `12 ms`, `1.20 s`."""
    return f"{value:.1f} ms" if value < 9.95 else span(value / 1000)
