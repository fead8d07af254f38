"""`doit timing`."""

import json
from pathlib import Path

from tests.unit.cli.conftest import Doit


def test_no_run_is_an_error(top: Path, doit: Doit) -> None:
    code, out, err = doit("timing")
    assert code == 3
    assert f"no run is recorded in {top}/.stack/logs; run `doit stack`" in out + err


def test_unknown_run_names_those_that_exist(top: Path, doit: Doit) -> None:
    runs = top / ".stack" / "logs" / "runs"
    runs.mkdir(parents=True)
    for number in range(7):
        (runs / f"2026-01-0{number}.jsonl").write_text("")
    code, out, err = doit("timing", "--run", "2027")
    assert code == 3
    last = ", ".join(f"2026-01-0{number}" for number in range(2, 7))
    assert f"there is no run 2027 in {runs}; the last ones: {last}" in out + err


def test_run_without_a_value_lists_the_runs(doit: Doit) -> None:
    assert doit("timing", "--run")[1] == "no runs\n"
    doit("--console", "quiet", "stack")
    doit("--console", "quiet", "unstack")

    lines = doit("timing", "--run")[1].splitlines()
    runs = json.loads(doit("timing", "--run", "--json")[1])

    assert [line.split()[1:3] for line in lines[2:]] == [["doit", "stack"], ["doit", "unstack"]]
    assert [(run["tasks"], run["code"]) for run in runs] == [(["stack"], 0), (["unstack"], 0)]
    first = runs[0]["run"]
    assert doit("timing", "--run", first)[1] == doit("timing", f"--run={first}")[1] != ""


def test_run_may_be_named_by_its_task(doit: Doit) -> None:
    for task in ("stack", "stack", "unstack"):
        doit("--console", "quiet", task)
    runs = [run["run"] for run in json.loads(doit("timing", "--run", "--json")[1])]

    for task, run in (("stack", runs[1]), ("unstack", runs[2])):
        assert (
            doit("timing", "--json", "--run", task)[1] == doit("timing", "--json", "--run", run)[1]
        )
