"""A machine as a graph in layers: states in columns, and between two columns one for the labels of arrows.

A state's column is how many transitions it is away from the start, the ends stand together in the last one. An arrow
is a chain of places from its source to its destination: its label in the first column it comes to, and a bend in each
further one, so that nothing runs through a state or a word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from limen.domain.diagram import arrows
from limen.domain.machine import Table

START = "(start)"


@dataclass(slots=True, eq=False)
class Place:
    """Something that stands in a column: a state, a label or a bend. `x` and `y` are its middle, in pixels."""

    name: str
    layer: int
    width: float = 0.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0


@dataclass(slots=True, eq=False)
class Arrow:
    """The triggers that lead from one state to another, and the places on their way."""

    source: str
    dest: str
    triggers: tuple[str, ...]
    chain: list[Place] = field(default_factory=list)

    @property
    def label(self) -> Place:
        """Where the triggers stand."""
        return self.chain[1]

    @property
    def turns(self) -> bool:
        """Whether it comes back to the column it began in."""
        return self.chain[0].layer == self.chain[-1].layer


@dataclass(slots=True)
class Graph:
    """All of it: the columns from left to right, each from top to bottom."""

    table: Table
    states: dict[str, Place]
    arrows: list[Arrow]
    layers: list[list[Place]]

    @property
    def links(self) -> list[tuple[Place, Place]]:
        """Neighbours in two columns beside each other, the left one first."""
        pairs = [pair for arrow in self.arrows for pair in pairwise(arrow.chain)]
        return [(one, other) if one.layer < other.layer else (other, one) for one, other in pairs]


def graph_of(table: Table) -> Graph:
    """The graph of a machine, with nothing measured or ordered yet."""
    moving, _ = arrows(table)
    depths = _depths(table, moving)
    states = {START: Place(START, 0), **{state: Place(state, 2 * depths[state] + 2) for state in table.states}}
    drawn = [Arrow(START, table.initial, (table.creation,))]
    drawn += [Arrow(source, dest, tuple(names)) for (source, dest), names in moving.items()]
    layers: list[list[Place]] = [[] for _ in range(max(place.layer for place in states.values()) + 2)]
    for place in states.values():
        layers[place.layer].append(place)
    for arrow in drawn:
        arrow.chain = _chain(states[arrow.source], states[arrow.dest])
        for place in arrow.chain[1:-1]:
            layers[place.layer].append(place)
    return Graph(table, states, drawn, layers if layers[-1] else layers[:-1])


def _depths(table: Table, moving: Mapping[tuple[str, str], Sequence[str]]) -> dict[str, int]:
    depths, waiting = {table.initial: 0}, [table.initial]
    for state in waiting:
        for source, dest in moving:
            if source == state and dest not in depths:
                depths[dest] = depths[state] + 1
                waiting.append(dest)
    last = max(depth for state, depth in depths.items() if state not in table.ends) + 1
    return depths | dict.fromkeys(table.ends, last)


def _chain(source: Place, dest: Place) -> list[Place]:
    name = f"{source.name}>{dest.name}"
    if source.layer == dest.layer:
        return [source, Place(name, source.layer + 1), dest]
    step = 1 if dest.layer > source.layer else -1
    return [source, *(Place(name, layer) for layer in range(source.layer + step, dest.layer, step)), dest]
