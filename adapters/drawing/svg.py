"""The drawing: states as rounded boxes, arrows as curves, the path that was taken in color with numbers on it."""

from collections.abc import Iterator, Sequence
from html import escape

from limen.adapters.drawing.graph import START, Arrow, Graph, Place, graph_of
from limen.adapters.drawing.order import arrange
from limen.adapters.drawing.place import place
from limen.adapters.drawing.style import LINE, SMALL, STYLE, badge_text, badge_width, tone, width_of
from limen.domain.machine import Table
from limen.projections.path import Path

_MARGIN = 24.0
_PORT = 15.0
"""Pixels between two arrows on one side of a box."""

_SHOWN = 4
"""Numbers shown on an arrow; of more, the first ones and the last."""


def svg(table: Table, path: Path | None = None) -> str:
    """A machine as an SVG document, with the path of a flow through it where one is given."""
    return Drawing(table, path).document()


class Drawing:
    """Measured, arranged and placed, ready to be written."""

    def __init__(self, table: Table, path: Path | None) -> None:
        self.path = path
        self.graph: Graph = graph_of(table)
        for state in self.graph.states.values():
            self._measure(state)
        for arrow in self.graph.arrows:
            rows = [self._row_width(arrow, trigger) for trigger in arrow.triggers]
            arrow.label.width, arrow.label.height = max(rows), LINE * len(rows)
        arrange(self.graph)
        self.width, self.height = place(self.graph, _MARGIN)
        self.columns = [max(one.width for one in layer) for layer in self.graph.layers]
        self.ports = self._ports()

    def document(self) -> str:
        """All of it: pale arrows below the taken ones, boxes and words above."""
        taken = [arrow for arrow in self.graph.arrows if self._taken(arrow)]
        pale = [arrow for arrow in self.graph.arrows if not self._taken(arrow)]
        title = f"{self.graph.table.name}: {self.path.state}" if self.path else self.graph.table.name
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:.0f} {self.height:.0f}"'
            f' width="{self.width:.0f}" height="{self.height:.0f}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            '<rect class="ground" width="100%" height="100%"/>',
            *map(self._curve, [*pale, *taken]),
            *(part for arrow in [*pale, *taken] for part in self._words(arrow)),
            *(part for state in self.graph.states.values() for part in self._box(state)),
        ]
        return "\n".join([*parts, "</svg>", ""])

    # -- sizes

    def _measure(self, state: Place) -> None:
        if state.name == START:
            state.width = state.height = 14
            return
        stays = self._stays(state.name)
        sides = [0, 0]
        for arrow in self.graph.arrows:
            for end, beside in ((arrow.chain[0], arrow.chain[1]), (arrow.chain[-1], arrow.chain[-2])):
                sides[beside.layer > end.layer] += end is state
        state.width = max(width_of(state.name, 14), *(width_of(one, SMALL) for one in stays), 60.0) + 32
        state.height = max(36 + 14 * len(stays) + 4 * bool(stays), _PORT * max(sides) + 12)

    def _stays(self, state: str) -> list[str]:
        stays = self.path.stays.get(state, {}) if self.path else {}
        return [f"{trigger} ×{count}" if count > 1 else trigger for trigger, count in stays.items()]

    def _row_width(self, arrow: Arrow, trigger: str) -> float:
        return sum(badge_width(text) + 3 for text in self._badges(arrow, trigger)) + width_of(trigger, SMALL) + 16

    def _badges(self, arrow: Arrow, trigger: str) -> list[str]:
        numbers = self.path.numbers(arrow.source, arrow.dest, trigger) if self.path else ()
        texts = [str(number) for number in numbers]
        return texts if len(texts) <= _SHOWN else [*texts[: _SHOWN - 2], "…", texts[-1]]

    # -- where arrows touch boxes

    def _ports(self) -> dict[tuple[Arrow, bool], float]:
        """The height at which an arrow leaves its source (False) or reaches its destination (True)."""
        found: dict[tuple[Arrow, bool], float] = {}
        for state in self.graph.states.values():
            for right in (False, True):
                ends = [end for end in self._ends(state) if (end[2].layer > state.layer) is right]
                ends.sort(key=lambda end: end[2].y)
                for index, (arrow, arrives, _) in enumerate(ends):
                    found[arrow, arrives] = state.y + (index - (len(ends) - 1) / 2) * _PORT
        return found

    def _ends(self, state: Place) -> Iterator[tuple[Arrow, bool, Place]]:
        for arrow in self.graph.arrows:
            if arrow.chain[0] is state:
                yield arrow, False, arrow.chain[1]
            if arrow.chain[-1] is state:
                yield arrow, True, arrow.chain[-2]

    # -- arrows

    def _taken(self, arrow: Arrow) -> bool:
        if self.path is None or arrow.source == START:
            return self.path is not None
        return any(self.path.numbers(arrow.source, arrow.dest, trigger) for trigger in arrow.triggers)

    def _tone(self, arrow: Arrow) -> str:
        return "plain" if self.path is None else "taken" if self._taken(arrow) else "pale"

    def _curve(self, arrow: Arrow) -> str:
        source, dest = arrow.chain[0], arrow.chain[-1]
        out = 1 if arrow.chain[1].layer > source.layer else -1
        into = 1 if arrow.chain[-2].layer < dest.layer else -1
        x, y = source.x + out * source.width / 2, self.ports[arrow, False]
        end_x, end_y = dest.x - into * (dest.width / 2 + 2), self.ports[arrow, True]
        line = [f"M{x:.1f},{y:.1f}"]
        if arrow.turns:
            line.append(self._turn(arrow.label, x, y, end_x, end_y))
        else:
            x = source.x + out * self.columns[source.layer] / 2  # past the wider boxes of its column first
            line.append(f"H{x:.1f}")
            for bend in arrow.chain[1:-1]:
                half = self.columns[bend.layer] / 2 if bend is arrow.label or bend.layer % 2 == 0 else 0.0
                line.append(_bow(x, y, bend.x - out * half, bend.y))
                if bend is arrow.label:  # its words stand in a gap of the line
                    words = out * bend.width / 2
                    line.append(f"H{bend.x - words:.1f}M{bend.x + words:.1f},{bend.y:.1f}")
                x, y = bend.x + out * half, bend.y
                line.append(f"H{x:.1f}")
            line.append(_bow(x, y, dest.x - into * (self.columns[dest.layer] / 2 + 7), end_y))
            line.append(f"H{end_x:.1f}")
        name = self._tone(arrow)
        tip = _tip(end_x, end_y, into)
        return f'<path class="arrow {name}" d="{"".join(line)}"/><path class="tip {name}" d="{tip}"/>'

    @staticmethod
    def _turn(label: Place, x: float, y: float, end_x: float, end_y: float) -> str:
        """Out to the words and back from them, all on the same side."""
        left, apart = label.x - label.width / 2, label.height / 4 if y < end_y else -label.height / 4
        back = _bow(left, label.y + apart, end_x + 7, end_y)
        return f"{_bow(x, y, left, label.y - apart)}M{left:.1f},{label.y + apart:.1f}{back}H{end_x:.1f}"

    def _words(self, arrow: Arrow) -> Iterator[str]:
        label = arrow.label
        top = label.y - label.height / 2
        for index, trigger in enumerate(arrow.triggers):
            badges = self._badges(arrow, trigger)
            started = self.path is not None and arrow.source == START
            name = "plain" if self.path is None else "taken" if badges or started else "pale"
            x, y = label.x - self._row_width(arrow, trigger) / 2 + 8, top + LINE * (index + 0.5)
            for text in badges:
                width = badge_width(text)
                yield badge_text(x, y, width, text)
                x += width + 3
            yield f'<text class="word {name}" x="{x:.1f}" y="{y + 4:.1f}">{escape(trigger)}</text>'

    # -- states

    def _box(self, state: Place) -> Iterator[str]:
        if state.name == START:
            yield f'<circle class="start" cx="{state.x:.1f}" cy="{state.y:.1f}" r="6"/>'
            return
        visits = self.path.visits.get(state.name, 0) if self.path else 0
        here = self.path is not None and self.path.state == state.name
        name = "plain" if self.path is None else f"here {tone(state.name)}" if here else "taken" if visits else "pale"
        x, y = state.x - state.width / 2, state.y - state.height / 2
        box = f'x="{x:.1f}" y="{y:.1f}" width="{state.width:.1f}" height="{state.height:.1f}"'
        yield f'<rect class="state {name}" {box} rx="10"/>'
        if state.name in self.graph.table.ends:
            inner = f'x="{x + 3:.1f}" y="{y + 3:.1f}" width="{state.width - 6:.1f}" height="{state.height - 6:.1f}"'
            yield f'<rect class="inner {name}" {inner} rx="7.5"/>'
        yield from self._text(state, name)
        if visits > 1:
            text = f"×{visits}"
            width = badge_width(text) + 4
            yield badge_text(x + state.width - width + 8, y, width, text, "visits")

    def _text(self, state: Place, name: str) -> Iterator[str]:
        stays: Sequence[str] = self._stays(state.name)
        y = state.y + 5 - (7 * len(stays) + 2 * bool(stays))
        yield f'<text class="name {name}" x="{state.x:.1f}" y="{y:.1f}">{escape(state.name)}</text>'
        for index, line in enumerate(stays, 1):
            yield f'<text class="stay {name}" x="{state.x:.1f}" y="{y + 4 + 14 * index:.1f}">{escape(line)}</text>'


def _bow(x: float, y: float, end_x: float, end_y: float) -> str:
    middle = (x + end_x) / 2
    return f"C{middle:.1f},{y:.1f} {middle:.1f},{end_y:.1f} {end_x:.1f},{end_y:.1f}"


def _tip(x: float, y: float, into: int) -> str:
    return f"M{x:.1f},{y:.1f}l{-into * 8},-4l0,8z"
