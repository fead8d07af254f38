"""What `--json` prints."""

import json
from pathlib import Path

from doitstack.journal.last_run import FutureRow
from doitstack.journal.run_list import RunRow
from doitstack.journal.status import RecordedState
from doitstack.phases import Phase
from doitstack.planning.plan import Declared, make_plan
from doitstack.planning.plugin import Plugin
from doitstack.reports.json_lists import (
    futures_json,
    plan_json,
    plugins_json,
    runs_json,
    service_rows,
)
from doitstack.services.services import ServiceState, ServiceStatus
from doitstack.steps import async_run, async_wait


def test_plan_has_steps_waits_and_needs() -> None:
    steps = [async_run("a", ["true"]), async_wait("a")]
    plan = make_plan([Declared(Phase.EXTRA, Plugin("p", ""), steps)])
    first, second, there, _ = json.loads(plan_json({"controller": plan, "one": plan}))
    assert there == {**first, "host": "one"}
    assert first == {
        "host": "controller",
        "task": "stack:extra:p:a",
        "phase": "stack extra",
        "plugin": "p",
        "step": "a",
        "kind": "async_run",
        "waits": [],
        "needs": [],
        "is_awaited": True,
        "code": [],
        "note": "",
    }
    assert (second["waits"], second["needs"]) == (["a"], ["stack:extra:p:a"])


def test_plugins_have_their_turns() -> None:
    service, other = json.loads(
        plugins_json([Plugin("key", "doitstack", is_service=True), Plugin("mine", "/x/50-mine.py")])
    )
    assert (service["plugin"], service["stack"], service["unstack"]) == ("key", 1, 2)
    assert other["found_in"] == "/x/50-mine.py"


def test_futures_have_state_and_log(tmp_path: Path) -> None:
    row = FutureRow("a", RecordedState.QUEUED, None, 1.23456, None, tmp_path / "a.log", "apt")
    assert json.loads(futures_json([row])) == [
        {
            "future": "a",
            "state": "queued",
            "lock": "apt",
            "pid": None,
            "seconds": 1.235,
            "rc": None,
            "log": None,
        }
    ]


def test_services_have_their_ports(tmp_path: Path) -> None:
    status = ServiceStatus("key", ServiceState.RUNNING, 7, tmp_path / "key.log")
    (service,) = service_rows([status], {"key": [5000]})
    assert (service["state"], service["pid"], service["ports"]) == ("running", 7, [5000])


def test_runs_have_tasks_and_code() -> None:
    (run,) = json.loads(runs_json([RunRow("2026", 1.0, ("stack",), 2.5, None)]))
    assert run == {"run": "2026", "start": 1.0, "tasks": ["stack"], "seconds": 2.5, "code": None}
