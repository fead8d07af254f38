"""Command lines that once had another effect than expected."""

import subprocess
from pathlib import Path

from tests.conftest import DOIT, MakeStackDir
from tests.integration.probes import plugin

DEMO = "extras.d/50-demo.py"
ORDER = plugin("""
    def note(stack, what, *more):
        with open("order", "a") as file:
            print(what, *more, file=file)

    @hookimpl
    def stack_install(stack):
        yield run(note, "stack")

    @hookimpl
    def unstack(stack):
        yield run(note, "unstack")

    @hookimpl
    def clean(stack):
        yield run(note, "clean")

    @hookimpl
    def tasks(stack):
        yield run(note, "check", name="check")
""")


def test_tasks_run_in_the_order_given_each_as_if_alone(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({DEMO: ORDER})
    ran = stack.path / "order"
    stack.run("stack", "--console", "quiet").ok()
    ran.unlink()

    stack.run("unstack", "stack", "--console", "quiet").ok()
    assert ran.read_text().split() == ["unstack", "stack"]
    ran.unlink()

    stack.run("clean", "stack", "check", "a=b(?=c)", "d").ok()
    assert ran.read_text() == "unstack\nclean\nstack\ncheck a=b(?=c) d\n"
    ran.unlink()

    last = stack.run("--console", "quiet", "stack", "clean").ok().lines
    assert ran.read_text().split() == ["stack", "unstack", "clean"]
    assert [line.split(":")[0] for line in last] == ["doit stack", "doit clean"]
    assert not stack.dest.exists()


def test_nothing_follows_a_failure(stack_dir: MakeStackDir) -> None:
    broken = plugin("""
        @hookimpl
        def stack_install(stack):
            yield run(["false"])

        @hookimpl
        def unstack(stack):
            yield run(["touch", "unstacked"])
    """)
    stack = stack_dir({DEMO: broken})
    outcome = stack.run("stack", "unstack").failed(1)
    assert outcome.lines[-1] == "not run because of it: doit unstack"
    assert not (stack.path / "unstacked").exists()


def test_stack_directory_may_be_named_from_elsewhere(
    stack_dir: MakeStackDir, tmp_path: Path
) -> None:
    stack = stack_dir({DEMO: ORDER, "below/it/file": ""})

    def run(where: Path, *words: str) -> str:
        return subprocess.run(
            [DOIT, *words], cwd=where, env=stack.environ, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=True,
        ).stdout  # fmt: skip

    below = stack.path / "below" / "it"
    run(below, "-k", "--console", "quiet", "stack")
    assert (stack.path / "order").read_text() == "stack\n"
    assert "demo" in run(below, "-k", "plan")
    assert "stack:install" in run(tmp_path, "list", "-f", "stack/dodo.py")
    run(tmp_path, "-f", "stack/dodo.py", "timing", "--html", "run.html")
    assert (tmp_path / "run.html").is_file()
