"""Diagrams of the machines, drawn from their tables: mermaid and Graphviz' dot."""

from limen.domain.machine import Table

Edge = tuple[str, str]


def mermaid(table: Table) -> str:
    """A mermaid state diagram. Triggers that leave the state as it is stand as notes."""
    lines = ["stateDiagram-v2", f"    [*] --> {table.initial}: {table.creation}"]
    moving, staying = arrows(table)
    lines += [f"    {source} --> {dest}: {', '.join(names)}" for (source, dest), names in moving.items()]
    lines += [f"    {end} --> [*]" for end in table.ends]
    for state, names in staying.items():
        lines += [f"    note right of {state}", f"        {', '.join(names)}", "    end note"]
    return "\n".join(lines)


def dot(table: Table) -> str:
    """The same as a Graphviz digraph; events stand below their triggers."""
    lines = [
        f"digraph {table.name} {{",
        "    rankdir=LR",
        '    node [shape=box, style=rounded, fontname="sans-serif"]',
        '    edge [fontname="sans-serif", fontsize=10]',
        "    start [shape=point]",
        f'    start -> {table.initial} [label="{table.creation}"]',
    ]
    moving, staying = arrows(table)
    for state in table.states:
        inside = "".join(f"\\n{name}" for name in staying.get(state, ()))
        shape = ", peripheries=2" if state in table.ends else ""
        lines.append(f'    {state} [label="{state}{inside}"{shape}]')
    lines += [f'    {source} -> {dest} [label="{", ".join(names)}"]' for (source, dest), names in moving.items()]
    return "\n".join([*lines, "}"])


def arrows(table: Table) -> tuple[dict[Edge, list[str]], dict[str, list[str]]]:
    """Triggers by where they lead from and to, and those that stay, by state."""
    moving: dict[Edge, list[str]] = {}
    staying: dict[str, list[str]] = {}
    for source, trigger, dest, _event in table.edges():
        names = staying.setdefault(source, []) if source == dest else moving.setdefault((source, dest), [])
        if trigger not in names:
            names.append(trigger)
    return moving, staying
