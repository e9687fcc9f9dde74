"""A mermaid state diagram with the path that was taken marked: numbered arrows, colored states, visits counted."""

from collections.abc import Iterator

from limen.domain.diagram import arrows
from limen.projections.path import Path

_CLASSES = (
    "    classDef taken fill:#e8f0fe,stroke:#1a56db,stroke-width:2px,color:#111827",
    "    classDef last fill:#1a56db,stroke:#1a56db,color:#ffffff",
    "    classDef untaken fill:#ffffff,stroke:#d1d5db,color:#9ca3af",
)


def mermaid(path: Path) -> str:
    """The diagram. Numbers in front of a trigger say when it fired; what a state did without leaving it is a note."""
    table = path.table
    moving, _ = arrows(table)
    lines = ["stateDiagram-v2", "    direction LR", *_CLASSES]
    for state in table.states:
        visits = path.visits.get(state, 0)
        lines += [f"    {state}: {state} ×{visits}"] if visits > 1 else []
    lines.append(f"    [*] --> {table.initial}: {table.creation}")
    for (source, dest), triggers in moving.items():
        lines.append(f"    {source} --> {dest}: {', '.join(_marked(path, source, dest, one) for one in triggers)}")
    lines += [f"    {end} --> [*]" for end in table.ends]
    lines += _notes(path)
    lines += [f"    class {state} {_class(path, state)}" for state in table.states]
    return "\n".join(lines)


def _marked(path: Path, source: str, dest: str, trigger: str) -> str:
    numbers = " ".join(map(str, path.numbers(source, dest, trigger)))
    return f"({numbers}) {trigger}" if numbers else trigger


def _notes(path: Path) -> Iterator[str]:
    for state, triggers in path.stays.items():
        told = ", ".join(f"{count} {trigger}" for trigger, count in triggers.items())
        yield from (f"    note right of {state}", f"        {told}", "    end note")


def _class(path: Path, state: str) -> str:
    if state == path.state:
        return "last"
    return "taken" if path.visits.get(state) else "untaken"
