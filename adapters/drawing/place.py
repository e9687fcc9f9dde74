"""Coordinates: columns side by side, and in each column every place as near to its neighbours as the others let it."""

from collections import deque
from collections.abc import Mapping, Sequence

from limen.adapters.drawing.graph import START, Graph, Place

GAP_X, GAP_Y = 34.0, 14.0
"""Pixels between two columns, and between two places of one."""

_ROUNDS = 200
_MAIN, _LONG, _PLAIN = 30.0, 12.0, 1.0
"""How strongly two neighbours pull: on the way from the start to the first end, between two bends, and otherwise."""


def place(graph: Graph, margin: float) -> tuple[float, float]:
    """Gives every place its middle; returns width and height of the whole, `margin` around it."""
    x = margin
    for layer in graph.layers:
        width = max(place.width for place in layer)
        for one in layer:
            one.x = x + width / 2
        x += width + GAP_X
    _heights(graph)
    top = min(one.y - one.height / 2 for layer in graph.layers for one in layer)
    for layer in graph.layers:
        for one in layer:
            one.y += margin - top
    return x - GAP_X + margin, max(one.y + one.height / 2 for layer in graph.layers for one in layer) + margin


def _heights(graph: Graph) -> None:
    pulls: dict[Place, list[tuple[Place, float]]] = {one: [] for layer in graph.layers for one in layer}
    main = _main_way(graph)
    states = set(graph.states.values())
    for one, other in graph.links:
        weight = _PLAIN if one in states or other in states else _LONG
        weight = _MAIN if one in main and other in main else weight
        pulls[one].append((other, weight))
        pulls[other].append((one, weight))
    for layer in graph.layers:
        _settle(layer, dict.fromkeys(layer, 0.0), pulls)
    for turn in range(_ROUNDS):
        for layer in graph.layers if turn % 2 == 0 else reversed(graph.layers):
            _settle(layer, {one: _wanted(one, pulls) for one in layer}, pulls)


def _wanted(one: Place, pulls: Mapping[Place, Sequence[tuple[Place, float]]]) -> float:
    total = sum(weight for _, weight in pulls[one])
    return sum(other.y * weight for other, weight in pulls[one]) / total if total else one.y


def _settle(
    layer: Sequence[Place], wanted: Mapping[Place, float], pulls: Mapping[Place, Sequence[tuple[Place, float]]]
) -> None:
    """As near to what is wanted as the distances allow (least squares: places that meet move as one block)."""
    offset, before = 0.0, None
    blocks: list[tuple[float, float, list[tuple[Place, float]]]] = []  # weighted sum, weight, members with offsets
    for one in layer:
        if before is not None:
            offset += (before.height + one.height) / 2 + GAP_Y
        before = one
        weight = sum(pull for _, pull in pulls[one]) or 1.0
        blocks.append(((wanted[one] - offset) * weight, weight, [(one, offset)]))
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, weight, members = blocks.pop()
            blocks[-1] = (blocks[-1][0] + total, blocks[-1][1] + weight, blocks[-1][2] + members)
    for total, weight, members in blocks:
        for one, shift in members:
            one.y = total / weight + shift


def _main_way(graph: Graph) -> set[Place]:
    """The shortest way from the start to the first end, which is drawn straight."""
    goal, waiting = graph.table.ends[0], deque([(START, [graph.states[START]])])
    seen = {START}
    while waiting:
        state, way = waiting.popleft()
        if state == goal:
            return set(way)
        for arrow in graph.arrows:
            if arrow.source == state and arrow.dest not in seen:
                seen.add(arrow.dest)
                waiting.append((arrow.dest, way + arrow.chain[1:]))
    return set()
