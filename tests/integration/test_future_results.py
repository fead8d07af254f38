"""How futures end, and what comes back to the step that started them."""

import re

import pytest

from tests.conftest import StackDir, clean_environment
from tests.integration.probes import plugin

pytestmark = pytest.mark.usefixtures("served_runs")

RESULTS = plugin("""
    class Unpicklable(Exception):
        def __init__(self, one, two):
            super().__init__(one)

    @dataclass
    class Point:
        x: int

    def point(stack):
        return Point(1)

    def value(stack, text):
        return {"text": text}

    def raising(stack):
        raise KeyError("lost key")

    def killed(stack):
        os.kill(os.getpid(), signal.SIGSEGV)

    def leaving(stack, code):
        os._exit(code)

    def exiting(stack, code):
        sys.exit(code)

    def unpicklable(stack):
        return lambda: None

    def odd_exception(stack):
        raise Unpicklable("one", "two")

    def refusing(stack):
        raise DoitstackError("there is no such flavour")

    def failing_program(stack):
        stack.run(["sh", "-c", "exit 6"])

    def show(stack, name, func, *args):
        future = stack.async_run(name, func, *args)
        error = future.exception()
        code = getattr(error, "code", "-")
        print(f"{name}: rc={future.rc} {type(error).__name__} code={code}: {error}")
        print(f"cause: {error.__cause__}" if error and error.__cause__ else "no cause")
        try:
            print("result:", future.result())
        except BaseException as raised:
            print("same error raised:", raised is error)

    def full_disk(stack):
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, 1)
        os.dup2(full, 2)
        raise KeyError("that nobody will read")

    def shown(name, *arguments):
        return run(show, name, *arguments, name=f"show-{name}")

    @hookimpl
    def stack_install(stack):
        yield shown("value", value, "two words")
        yield shown("point", point)
        yield shown("raising", raising)
        yield shown("killed", killed)
        for code in (0, 3):
            yield shown(f"leaving-{code}", leaving, code)
        for code in (None, 4, 256 + 5, "words"):
            yield shown(f"exiting-{code}", exiting, code)
        yield shown("full_disk", full_disk)
        yield shown("unpicklable", unpicklable)
        yield shown("odd_exception", odd_exception)
        yield shown("refusing", refusing)
        yield shown("failing_program", failing_program)
""")

Shown = dict[str, str]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Return the output during the step that shows a future, by the future's name."""
    path = tmp_path_factory.mktemp("results") / "stack"
    environ = clean_environment(ENABLED_SERVICES=",")
    out = StackDir(path, {"extras.d/50-demo.py": RESULTS}, environ).run("stack").ok().out
    assert "WARNING" not in out
    _, *parts = re.split(r"^==> stack install: demo: show-(.*)\n", out, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_result_comes_back(shown: Shown) -> None:
    said = shown["value"]
    assert "value: rc=0 NoneType code=-: None\nno cause\nresult: {'text': 'two words'}\n" in said


def test_exception_comes_back_with_the_remote_traceback(shown: Shown) -> None:
    out = shown["raising"]
    said = out[out.index("raising: rc=1 KeyError code=-: 'lost key'") :]
    assert said.splitlines()[1:3] == ["cause: ", "Traceback (most recent call last):"]
    assert ", in raising\n    raise KeyError(\"lost key\")\nKeyError: 'lost key'\n" in said
    assert "child.py" not in said
    assert "same error raised: True" in said


@pytest.mark.parametrize(
    ("name", "rc", "message"),
    [
        ("killed", 139, "was killed by SIGSEGV"),
        ("leaving-0", 1, "called os._exit(0) before its end was recorded"),
        ("leaving-3", 3, "called os._exit(3) before its end was recorded"),
        ("exiting-4", 4, "failed with rc 4"),
        ("exiting-261", 5, "failed with rc 5"),
        ("exiting-words", 1, "failed with rc 1"),
        ("full_disk", 1, "called os._exit(1) before its end was recorded"),
    ],
)
def test_end_without_a_result_is_a_clear_failure(
    shown: Shown, name: str, rc: int, message: str
) -> None:
    said = shown[name]
    assert f"{name}: rc={rc} FutureError code={rc}: future {name}: {message}\nno cause\n" in said
    assert "same error raised: True" in said
    assert f": FAILED with rc {rc}\n" in said


def test_exit_without_a_code_is_an_end(shown: Shown) -> None:
    said = shown["exiting-None"]
    assert "exiting-None: rc=0 NoneType code=-: None\nno cause\nresult: None\n" in said


def test_result_that_cannot_be_pickled_is_a_clear_failure(shown: Shown) -> None:
    said = shown["unpicklable"]
    why = "future unpicklable: its result cannot be pickled: "
    assert f"unpicklable: rc=1 FutureError code=1: {why}" in said
    assert "Traceback" not in said


def test_object_of_a_class_of_the_plugin_comes_back(shown: Shown) -> None:
    said = shown["point"]
    assert "point: rc=0 NoneType code=-: None\nno cause\nresult: Point(x=1)\n" in said


def test_exception_that_cannot_be_unpickled_is_a_clear_failure(shown: Shown) -> None:
    said = shown["odd_exception"]
    assert "odd_exception: rc=1 RuntimeError code=-: extras_d_50-demo.Unpicklable: one\n" in said
    assert "same error raised: True" in said


def test_error_for_the_user_comes_back_without_a_traceback(shown: Shown) -> None:
    said = shown["refusing"]
    assert "refusing: rc=1 DoitstackError code=-: there is no such flavour\n" in said
    assert "ERROR: there is no such flavour\n" in said
    assert "Traceback" not in said


def test_failing_program_gives_the_future_its_code(shown: Shown) -> None:
    why = "sh ended with code 6; its output is above"
    assert f"failing_program: rc=6 CommandError code=6: {why}\n" in shown["failing_program"]
