"""What a simulation found, for people: by flow, by action, and the flows in which something differs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from limen.adapters.cli.output import BAD, DIM, GOOD, NAME, WARN, note, out, short, show_out, state_style
from limen.adapters.cli.table import plain_table

if TYPE_CHECKING:
    from limen.domain.simulation.foresight import Foreseen, Foresight, TurnForesight
    from limen.domain.simulation.tally import ActionTally, FlowTally, Key, Tally

OUTCOMES = {"same": GOOD, "differs": BAD, "unknown": WARN}
_ASKING = ("web_hook", "bus", "python")


def summary(tally: "Tally") -> None:
    """Two tables: what becomes of the flows, and what the actions would do."""
    numbers = ("flows", "same", "differs", "unknown")
    table = plain_table("flow", *numbers, "what would become of them", numbers=numbers)
    for kind, one in sorted(tally.flows.items()):
        outcomes = [_count(one.outcomes[name], style) for name, style in OUTCOMES.items()]
        table.add_row(Text(kind, style=NAME), f"{one.flows:,}", *outcomes, _ends(one))
    show_out(table)
    if not tally.actions:
        return
    out().print()
    counts = ("ran", "would run")
    table = plain_table("where", "action", *counts, "requests", "answers", numbers=counts)
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    before = None
    for key, action in sorted(tally.actions.items(), key=lambda item: tuple(str(part) for part in item[0])):
        place = ".".join(part for part in key[:3] if part)
        table.add_row(Text(place if place != before else "", style=DIM), _name(key, action), *_action(action))
        before = place
    show_out(table)


def unweighed(pointers: Sequence[str]) -> None:
    """What the new configuration changes, and what was not taken into account."""
    note("\nnot taken into account, though it differs: " + ", ".join(pointers))


def differing(flows: "Sequence[Foresight]", tally: "Tally") -> None:
    """The flows in which something differs, or is unknown; then how many there are."""
    if flows:
        out().print()
    for flow in flows:
        head = Text.assemble((short(str(flow.id)), DIM), " ", (flow.flow, NAME), " ", (_when(flow), DIM))
        out().print(head)
        for turn in flow.turns:
            if turn.differs or turn.unknown:
                _turn(turn)
    whole = tally.whole
    rest = whole.differing + whole.unknown - sum(flow.differs + flow.unknown for flow in flows)
    if rest > 0 and flows:
        note("and more; --limit shows them, --json all")
    out().print()
    if whole.differing:
        text = Text.assemble(("✗ ", BAD), f"{whole.differing:,} of {whole.flows:,} flows differ")
    elif whole.unknown:
        text = Text.assemble(("? ", WARN), f"nothing differs in {whole.flows:,} flows")
    else:
        text = Text.assemble(("✓ ", GOOD), f"nothing differs in {whole.flows:,} flows")
    if whole.unknown:
        text.append(f"; something is unknown in {whole.unknown:,}")
    out().print(text)


def _when(flow: "Foresight") -> str:
    return f"{flow.started:%Y-%m-%d %H:%M:%S}"


def _turn(turn: "TurnForesight") -> None:
    slot = ".".join(part for part in (turn.slot.phase, turn.slot.method) if part)
    ends = _arrow(turn.recorded, turn.end) if turn.outcome != "same" else Text(turn.end, style=state_style(turn.end))
    line = Text.assemble((slot, DIM), " ", ends)
    if turn.why:
        line.append(f"  {turn.why}", style=DIM)
    _print(line, indent=2)
    for one in turn.actions:
        if one.differs or one.unknown:
            _print(_foreseen(one), indent=4)
    for gone in turn.removed:
        name = gone.id if gone.hook in _ASKING else gone.hook
        _print(Text.assemble(("− ", BAD), name, ("  would not run", DIM)), indent=4)


def _print(line: Text, indent: int) -> None:
    """A line; what does not fit a terminal goes on below, a little further in."""
    console = out()
    first, *rest = line.wrap(console, console.width - indent - 2) if console.is_terminal else [line]
    console.print(Text.assemble(" " * indent, first))
    for more in rest:
        console.print(Text.assemble(" " * (indent + 2), more))


def _foreseen(one: "Foreseen") -> Text:
    sign = ("+ ", GOOD) if one.added else ("↕ ", WARN) if one.moved else ("~ ", WARN)
    text = Text.assemble(sign, one.ref.id if one.ref.hook in _ASKING else one.ref.hook, "  ")
    parts = list(_parts(one))
    text.append_text(Text(" · ", style=DIM).join(parts))
    if one.why:
        text.append(f"  {one.why}", style=DIM)
    return text


def _parts(one: "Foreseen") -> Iterator[Text]:
    if not one.sure:
        yield Text("if it is reached", style=DIM)
    if one.request in ("differs", "new", "unknown"):
        places = f" at {', '.join(place or 'the whole body' for place in one.changed)}" if one.changed else ""
        yield Text(f"{one.request} request{places}" if one.request != "differs" else f"request differs{places}")
    if one.verdict != one.recorded:
        yield _arrow(one.recorded, one.verdict) if one.recorded else Text(one.verdict, style=_style(one.verdict))


def _arrow(old: str | None, new: str) -> Text:
    return Text.assemble((old or "–", state_style(old)), (" → ", DIM), (new, _style(new)))


def _style(word: str) -> str:
    return WARN if word == "unknown" else state_style(word)


def _count(number: int, style: str) -> Text:
    return Text(f"{number:,}", style=style if number else DIM)


def _ends(one: "FlowTally") -> Text:
    changes = [Text.assemble(f"{count:,} ", _arrow(*change)) for change, count in one.ends.most_common()]
    return Text(" · ", style=DIM).join(changes)


def _name(key: "Key", action: "ActionTally") -> Text:
    return Text(key[3] if action.hook in _ASKING else action.hook, style=NAME)


def _action(one: "ActionTally") -> tuple[str, Text, Text, Text]:
    would = Text(f"{one.simulated:,}", style="" if one.simulated == one.recorded else BAD)
    requests = _counted(one.requests, {"same": DIM, "differs": BAD, "new": WARN, "unknown": WARN})
    answers = [Text.assemble(f"{count:,} ", _arrow(*change)) for change, count in one.verdicts.most_common()]
    answers += [Text(f"{count:,} {verdict}", style=state_style(verdict)) for verdict, count in one.new.most_common()]
    if one.unknown:
        answers.append(Text(f"{one.unknown:,} unknown", style=WARN))
    return f"{one.recorded:,}", would, requests, Text(" · ", style=DIM).join(answers)


def _counted(counts: "Counter[str]", styles: dict[str, str]) -> Text:
    parts = [Text(f"{counts[name]:,} {name}", style=style) for name, style in styles.items() if counts[name]]
    return Text(" · ", style=DIM).join(parts)
