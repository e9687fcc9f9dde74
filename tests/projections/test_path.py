"""The path of a flow through its machine, found from the names of its events, and drawn from the table."""

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from limen.adapters.drawing import svg
from limen.adapters.drawing.graph import Place
from limen.adapters.drawing.svg import Drawing
from limen.domain.machine import TABLES
from limen.projections.mermaid import mermaid
from limen.projections.path import Path, path_of
from tests.domain.test_machines import TRIGGERS
from tests.projections.test_views_fold import walked

NAMES = st.sampled_from(sorted(TABLES))
WALKS = st.lists(st.sampled_from(TRIGGERS), max_size=40)
ASKED = ["ActionsPlanned", "ActionStarted", "ActionAnswered"]
SUBMITTED = ["MethodSubmitted", "MethodAccepted", *ASKED]
INTERRUPTED = ["FlowInitiated", *ASKED, "FlowOpened", *SUBMITTED, "FlowInterrupted", *SUBMITTED, "FlowCompleted"]


def path(name: str, triggers: list[str]) -> Path:
    return path_of(TABLES[name], [type(event).__name__ for event in walked(name, triggers).pending])


@over(NAMES, WALKS)
def test_a_path_leads_where_the_fold_says(name: str, triggers: list[str]) -> None:
    one = walked(name, triggers)
    found = path(name, triggers)
    assert found.state == one.state
    assert [step.number for step in found.steps] == list(range(1, len(found.steps) + 1))
    places = [TABLES[name].initial, *(step.dest for step in found.steps)]
    assert [step.source for step in found.steps] == places[:-1]
    assert sum(found.visits.values()) == len(places)
    stayed = sum(sum(counts.values()) for counts in found.stays.values())
    assert len(found.steps) + stayed + 1 == len(one.pending)


def test_a_flow_that_came_back_visited_its_form_twice() -> None:
    found = path_of(TABLES["login"], INTERRUPTED)
    assert found.visits["choose_method"] == 2
    assert found.numbers("choose_method", "authenticating", "submit") == (2, 5)
    assert found.numbers("finishing", "choose_method", "interrupt") == (4,)
    assert found.stays["preparing"] == {"plan": 1, "begin_action": 1, "answer_action": 1}


def test_events_that_no_flow_can_have_are_refused() -> None:
    with pytest.raises(ValueError, match="begins with FlowInitiated"):
        path_of(TABLES["login"], ["FlowOpened"])
    with pytest.raises(ValueError, match="cannot happen to a login that is preparing"):
        path_of(TABLES["login"], ["FlowInitiated", "FlowCompleted"])


def test_mermaid_numbers_the_arrows_and_marks_the_states() -> None:
    lines = mermaid(path_of(TABLES["login"], INTERRUPTED)).splitlines()
    assert "    choose_method --> authenticating: (2 5) submit" in lines
    assert "    finishing --> choose_method: refuse, (4) interrupt, release" in lines
    assert "    choose_method: choose_method ×2" in lines
    assert {"    class completed last", "    class preparing taken", "    class expired untaken"} <= set(lines)


@over(NAMES, WALKS)
def test_an_svg_shows_every_state_trigger_and_step(name: str, triggers: list[str]) -> None:
    table, found = TABLES[name], path(name, triggers)
    texts = [str(one.text) for one in ET.fromstring(svg(table, found)).iter() if one.tag.endswith("text")]
    assert set(table.states) <= set(texts)
    assert {trigger for source, trigger, dest, _ in table.edges() if source != dest} <= set(texts)
    shown = {int(text) for text in texts if text.isdecimal()}
    assert shown <= {step.number for step in found.steps}
    # what leads from a state to itself stands as a line in it, without an arrow to number
    numbered = {step.number for step in found.steps if step.source != step.dest}
    assert not numbered or {min(numbered), max(numbered)} <= shown


def left(place: Place) -> float:
    return place.x - place.width / 2


def right(place: Place) -> float:
    return place.x + place.width / 2


@over(NAMES, WALKS)
def test_nothing_in_a_drawing_covers_anything_else(name: str, triggers: list[str]) -> None:
    drawing = Drawing(TABLES[name], path(name, triggers))
    for layer in drawing.graph.layers:
        for upper, lower in pairwise(layer):
            assert upper.y + upper.height / 2 < lower.y - lower.height / 2
    edges = [(min(map(left, layer)), max(map(right, layer))) for layer in drawing.graph.layers]
    assert all(one[1] < other[0] for one, other in pairwise(edges))


@pytest.mark.parametrize("name", TABLES)
def test_a_machine_is_drawn_without_a_path_and_the_same_each_time(name: str) -> None:
    drawn = svg(TABLES[name])
    assert drawn == svg(TABLES[name])
    assert 'class="badge' not in drawn
