"""Every benchmark runs, and says what it is to say. How fast is not asked here: that depends on the machine."""

import json
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import BENCHMARKS, main, run
from tests.benchmarks.measure import Bound, Measure, table
from tests.benchmarks.scale import Scale

TINY = Scale(
    people=2, turns=1, repetitions=2, events=40, flows=20, few=5, relayed=200, million=400, sealed=600, trips=5
)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_runs_to_its_end(name: str, tmp_path: Path) -> None:
    measures = run([name], TINY, tmp_path)
    if not measures:
        pytest.skip(f"{name} had nothing to measure: no PostgreSQL here")
    for measure in measures:
        assert len(measure.samples) in (1, TINY.repetitions)
        assert measure.what in table(measures)


def test_no_registration_fails_when_many_come_at_once(tmp_path: Path) -> None:
    failed = run(["sqlite"], Scale(people=64, turns=1, repetitions=2), tmp_path)[0]
    assert failed.samples == [0, 0]


def test_the_json_holds_each_measure_and_the_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--quick", "--json", "--only", "replay", "--dir", str(tmp_path)])
    printed = json.loads(capsys.readouterr().out)
    assert printed["machine"]["cpus"] >= 1
    assert [measure["name"] for measure in printed["measures"]] == ["replay"]


@pytest.mark.parametrize(
    ("bound", "met"),
    [
        (Bound("at least", 2), True),
        (Bound("at least", 2.1), False),
        (Bound("at most", 2), True),
        (Bound("at most", 1.9), False),
    ],
)
def test_the_median_is_held_against_the_bound(bound: Bound, met: bool) -> None:
    measure = Measure("one", "something", "x", [9, 2, 1], bound=bound)
    assert measure.figure == 2
    assert measure.met is met
    assert ("yes" if met else "NO") in table([measure])
