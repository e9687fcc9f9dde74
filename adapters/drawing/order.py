"""The order within each column, so that few arrows cross: means of neighbours, then swaps, from several starts."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from limen.adapters.drawing.graph import Graph, Place

_SWEEPS = 12
_BEGINNINGS = 6

Links = Mapping[Place, Sequence[Place]]


def arrange(graph: Graph) -> None:
    """Puts every column of the graph in order."""
    left, right = _neighbours(graph)
    best: tuple[int, list[list[Place]]] | None = None
    for layers in _beginnings(graph.layers):
        for sweep in range(_SWEEPS):
            _sweep(layers, left, right, forth=sweep % 2 == 0)
            _swap(layers, left, right)
            crossings = sum(_crossings(one, other, right) for one, other in pairwise(layers))
            if best is None or crossings < best[0]:
                best = crossings, [list(layer) for layer in layers]
    assert best is not None
    graph.layers = best[1]


def _neighbours(graph: Graph) -> tuple[Links, Links]:
    places = [place for layer in graph.layers for place in layer]
    left: dict[Place, list[Place]] = {place: [] for place in places}
    right: dict[Place, list[Place]] = {place: [] for place in places}
    for one, other in graph.links:
        right[one].append(other)
        left[other].append(one)
    return left, right


def _beginnings(layers: Sequence[Sequence[Place]]) -> Iterator[list[list[Place]]]:
    """The same columns, each time begun in another order: as they are, turned, and shuffled by a fixed rule."""
    for turn in range(_BEGINNINGS):
        yield [_shuffled(layer, turn + number) if turn else list(layer) for number, layer in enumerate(layers)]


def _shuffled(layer: Sequence[Place], turn: int) -> list[Place]:
    size = len(layer)
    return [
        place for _, place in sorted(enumerate(layer), key=lambda one: (one[0] * (2 * turn + 1) + turn) % (size + 1))
    ]


def _sweep(layers: list[list[Place]], left: Links, right: Links, *, forth: bool) -> None:
    numbers = range(1, len(layers)) if forth else range(len(layers) - 2, -1, -1)
    for number in numbers:
        fixed, links = (layers[number - 1], left) if forth else (layers[number + 1], right)
        at = {place: index for index, place in enumerate(fixed)}
        wanted = {
            place: _middle([at[one] for one in links[place]], index) for index, place in enumerate(layers[number])
        }
        layers[number].sort(key=wanted.__getitem__)


def _middle(indexes: Sequence[int], own: int) -> float:
    return sum(indexes) / len(indexes) if indexes else own


def _swap(layers: list[list[Place]], left: Links, right: Links) -> None:
    """Swaps neighbours in a column as long as that saves a crossing."""
    for number, layer in enumerate(layers):
        beside = [(layers[number - 1], left)] if number else []
        beside += [(layers[number + 1], right)] if number + 1 < len(layers) else []
        tables = [({place: index for index, place in enumerate(other)}, links) for other, links in beside]
        better = True
        while better:
            better = False
            for index in range(len(layer) - 1):
                one, other = layer[index], layer[index + 1]
                if sum(_gain([at[n] for n in links[one]], [at[n] for n in links[other]]) for at, links in tables) > 0:
                    layer[index], layer[index + 1] = other, one
                    better = True


def _gain(one: Sequence[int], other: Sequence[int]) -> int:
    """Crossings saved by putting `other` before `one`."""
    return sum((a > b) - (a < b) for a in one for b in other)


def _crossings(layer: Sequence[Place], beside: Sequence[Place], links: Links) -> int:
    at = {place: index for index, place in enumerate(beside)}
    ends = [[at[one] for one in links[place]] for place in layer]
    return sum(a > b for index, one in enumerate(ends) for other in ends[index + 1 :] for a in one for b in other)
