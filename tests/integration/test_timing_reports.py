"""`doit timing` and `doit plan`: what they write for others to read."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.integration.probes import plugin

pytestmark = pytest.mark.usefixtures("served_runs")

DEMO = "extras.d/50-demo.py"
BASIC = plugin("""
    def work(stack):
        print("working")

    def slow(stack):
        print(f"slow work with {stack.password('ADMIN_PASSWORD')}")

    @hookimpl
    def stack_install(stack):
        yield async_run("slow", slow)
        yield run(work)

    @hookimpl
    def stack_test_config(stack):
        yield async_wait("slow")
        if stack.settings.get("BREAK"):
            yield run(["sh", "-c", "echo no; exit 7"], name="broken")
            yield run(work, name="late")
""")


def _stacked(stack_dir: MakeStackDir) -> StackDir:
    stack = stack_dir({DEMO: BASIC}, ADMIN_PASSWORD="verysecretword")
    stack.run("stack").ok()
    return stack


def _runs(stack: StackDir) -> list[str]:
    return sorted(path.stem for path in (stack.dest / "logs" / "runs").iterdir())


def test_all_reports_can_be_written_at_once(stack_dir: MakeStackDir) -> None:
    stack = _stacked(stack_dir)
    names = {"html": "run.html", "trace": "run.json", "junit": "run.xml"}
    options = [word for name, file in names.items() for word in (f"--{name}", file)]
    said = stack.run("timing", *options).ok().lines

    assert sorted(said) == sorted(f"wrote {stack.path / file}" for file in names.values())
    page, events, results = ((stack.path / file).read_text() for file in names.values())
    assert page.startswith("<!DOCTYPE html>")
    assert {e.get("name") for e in json.loads(events)["traceEvents"]} >= {"work", "slow"}
    suite = ElementTree.fromstring(results)[0]
    assert [case.get("name") for case in suite] == ["slow", "work", "async_wait-slow"]


def test_reports_have_no_secrets(stack_dir: MakeStackDir) -> None:
    stack = _stacked(stack_dir)
    stack.run("timing", "--html", "run.html").ok()
    page = (stack.path / "run.html").read_text()
    assert "slow work with ***" in page
    assert "verysecretword" not in page


def test_figures_can_be_shown_besides_the_files(stack_dir: MakeStackDir) -> None:
    stack = _stacked(stack_dir)
    figures = json.loads(stack.run("timing", "--json", "--trace", "run.json").ok().out)
    assert figures["elapsed"] > 0
    assert (stack.path / "run.json").exists()


def test_failed_run_shows_what_failed_and_what_was_not_run(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: BASIC})
    stack.run("stack", BREAK="1").failed(1)
    stack.run("timing", "--junit", "run.xml", "--html", "run.html").ok()

    suite = ElementTree.fromstring((stack.path / "run.xml").read_text())[0]
    assert (suite.get("failures"), suite.get("skipped")) == ("1", "1")
    failure = suite.find("testcase[@name='broken']/failure")
    assert failure is not None
    assert failure.get("message", "").startswith("sh ended with code 7")
    assert failure.text == "no"
    skipped = suite.find("testcase[@name='late']/skipped")
    assert skipped is not None
    page = (stack.path / "run.html").read_text()
    assert re.search(r'Failed first: <a href="#step-\d+">broken</a>', page)
    assert '<em class="status">not run</em>' in page


def test_earlier_run_can_be_shown_with_its_logs(stack_dir: MakeStackDir) -> None:
    stack = _stacked(stack_dir)
    stack.run("stack", BREAK="1").failed(1)
    first, second = _runs(stack)

    stack.run("timing", "--run", first, "--html", "first.html").ok()
    stack.run("timing", "--html", "second.html").ok()
    stack.run("timing", "--run", second, "--compare", first, "--html", "again.html").ok()

    pages = {name: (stack.path / f"{name}.html").read_text()
             for name in ("first", "second", "again")}  # fmt: skip
    assert ">succeeded<" in pages["first"]
    assert "slow work with" in pages["first"]
    assert ">failed<" in pages["second"]
    assert "Against an earlier run" not in pages["first"]
    assert all("Against an earlier run" in pages[name] for name in ("second", "again"))


def test_run_that_is_not_there_is_one_clear_error(stack_dir: MakeStackDir) -> None:
    stack = _stacked(stack_dir)
    runs = stack.dest / "logs" / "runs"
    for option in ("--run", "--compare"):
        out = stack.run("timing", option, "1999", "--html", "x.html").failed(3).out
        assert out == f"ERROR: there is no run 1999 in {runs}; the last ones: {_runs(stack)[0]}\n"


def test_file_that_cannot_be_written_is_one_clear_error(stack_dir: MakeStackDir) -> None:
    stack = _stacked(stack_dir)
    missing = stack.run("timing", "--html", "no/such/x.html").failed(3).out
    assert missing == (
        f"ERROR: the directory {stack.path}/no/such does not exist; "
        f"create it, or choose another file\n"
    )
    device = stack.run("timing", "--trace", "/dev/null").failed(3).out
    assert device == "ERROR: /dev/null is not a file; choose another name\n"
    refused = stack.run("timing", "--junit", "/proc/x.xml").failed(3).out
    assert re.fullmatch(
        r"ERROR: /proc/x.xml cannot be written: [\w ]+; choose another file\n", refused
    )
    assert not (stack.path / "no").exists()


def test_file_is_named_from_where_the_user_is(stack_dir: MakeStackDir) -> None:
    stack = _stacked(stack_dir)
    elsewhere = stack.path.parent / "elsewhere"
    elsewhere.mkdir()
    said = stack.run("timing", "--junit", str(Path("..") / "elsewhere" / "x.xml")).ok().out
    assert said == f"wrote {elsewhere}/x.xml\n"


def test_plan_as_a_graph(stack_dir: MakeStackDir) -> None:
    graph = stack_dir({DEMO: BASIC}).run("plan", "--dot").ok().out
    assert graph.startswith("digraph plan {\n")
    edges = re.findall(r'"([^"]+)" -> "([^"]+)"', graph)
    assert edges == [
        ("stack:install:demo:work", "stack:test-config:demo:async_wait-slow"),
        ("stack:install:demo:slow", "stack:test-config:demo:async_wait-slow"),
    ]
    for line in graph.splitlines()[1:]:
        assert re.fullmatch(r"\s*(\S.*;|subgraph \w+ \{|\}|node .*,|color=.*;)", line), line
