"""What a hook yields."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from doitstack.steps import (
    Action,
    Kind,
    Shell,
    Step,
    async_run,
    async_wait,
    callable_name,
    future_name,
    one_line,
    recorded_steps,
    run,
    shell,
)


def act(stack: object) -> None:
    """Stand for an action."""


class Callable:
    def __call__(self) -> None: ...

    def method(self) -> None: ...


def test_run_is_named_after_its_action() -> None:
    names = [
        run(act).name,
        run(partial(act, 1)).name,
        run(Callable()).name,
        run(Callable().method).name,
        run(["/usr/bin/make", "-j2"]).name,
        run([Path("/usr/bin/make")]).name,
        run(shell("configure_tempest now")).name,
        run(act, name="other").name,
    ]
    assert names == [
        "act", "act", "Callable", "method", "make", "make", "configure_tempest", "other"
    ]  # fmt: skip


def test_run_keeps_arguments_and_what_is_doits() -> None:
    assert run(act, 1, "two", uptodate=[True]) == Step(
        Kind.RUN, "act", act, (1, "two"), (), {"uptodate": [True]}
    )


def test_async_run_keeps_name_and_waits() -> None:
    assert async_run("b", act, 1, wait=["a"], targets=["x"]) == Step(
        Kind.ASYNC_RUN, "b", act, (1,), ("a",), {"targets": ["x"]}
    )


def test_async_wait_keeps_order() -> None:
    assert async_wait("b", "a") == Step(Kind.ASYNC_WAIT, "async_wait-b-a", waits=("b", "a"))


def test_command_is_one_line_for_people() -> None:
    commands = [
        run(act, 1, "two words").command,
        run(["make", "-j2", "a b"]).command,
        run(shell("greet 'a  b'")).command,
        async_wait("a").command,
        run(act, "a\nb\x1b[2J").command,
    ]
    assert commands == [
        "act 1 two words", "make -j2 'a b'", "greet 'a  b'", "", "act a\\nb\\x1b[2J"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a", "0", "A-b_c.d9", "install_tempest", "a" * 200])
def test_future_name_takes_good_names(name: str) -> None:
    assert future_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "-a", "_a", "a/b", "a b", "a\n", "é", "a\0", None, 3])
def test_future_name_refuses_others(name: object) -> None:
    with pytest.raises(ValueError, match="bad name for a future"):
        future_name(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("action", ["make -j2", b"make", [], (), 3, None])
def test_action_that_is_none_is_refused(action: object) -> None:
    with pytest.raises(TypeError, match="an action is a callable, a list of a program"):
        run(action)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="an action is a callable, a list of a program"):
        async_run("a", action)  # type: ignore[arg-type]


def test_variable_in_place_of_a_program_is_refused_without_its_value() -> None:
    words = ["A_PASSWORD=geheim", "make"]
    for make in (lambda: run(words), lambda: async_run("a", words)):
        with pytest.raises(TypeError) as raised:
            make()
        assert str(raised.value) == (
            "A_PASSWORD=... is no program; to set a variable for one: "
            "['env', 'A_PASSWORD=...', ...]"
        )
    assert run(["./a=b"]).name == "a=b"


def test_words_that_stand_for_no_bytes_are_refused() -> None:
    with pytest.raises(TypeError, match="has a character that no argument can have"):
        async_run("x", ["/no/\ud800x"])
    assert run(["ls", "\udcff"]).name == "ls"


@pytest.mark.parametrize("command", ["", " \n", 3, ["ls"]])
def test_shell_action_needs_a_command(command: str) -> None:
    with pytest.raises(TypeError, match="shell takes a command as text: got "):
        shell(command)


@pytest.mark.parametrize("action", [["ls"], shell("ls")])
def test_only_a_callable_takes_arguments(action: Action) -> None:
    with pytest.raises(TypeError, match="only a callable takes arguments; put 3 into the action"):
        async_run("a", action, 3)
    with pytest.raises(TypeError, match="only a callable takes arguments"):
        run(action, 3)


@pytest.mark.parametrize("name", ["", " ", "a\nb", 3])
def test_name_of_a_step_is_text_of_one_line(name: str) -> None:
    with pytest.raises(ValueError, match="bad name for a step"):
        run(act, name=name)


def test_waits_must_be_a_list_of_names() -> None:
    with pytest.raises(TypeError, match=r"wait takes a list of names: \['a'\]"):
        async_run("b", act, wait="a")
    with pytest.raises(TypeError, match="async_wait needs the name of a future"):
        async_wait()
    with pytest.raises(ValueError, match="bad name for a future"):
        async_wait("a", "../b")
    with pytest.raises(ValueError, match=r"^bad name for a future: \['a'\]"):
        async_wait(["a"])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["setup", "getargs", "calc_dep", "teardown"])
def test_attribute_that_a_step_cannot_follow_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=f"a step has no attribute '{name}'"):
        run(["true"], **{name: []})


def test_attribute_that_is_none_of_doits_is_refused() -> None:
    for make in (run, lambda action, **doit: async_run("a", action, **doit)):
        with pytest.raises(TypeError, match="a step has no attribute 'uptodat'; it may have upto"):
            make(act, uptodat=[True])


@pytest.mark.parametrize("name", ["uptodate", "file_dep", "targets"])
def test_attribute_that_is_a_list_takes_nothing_else(name: str) -> None:
    with pytest.raises(TypeError, match=rf"{name} takes a list: \['one'\]"):
        run(act, **{name: "one"})


def test_one_line_spells_out_control_characters() -> None:
    assert one_line("a\tb\r\nc\0ümlaut") == "a\\tb\\r\\nc\\x00ümlaut"


def test_callable_name_of_a_lambda_and_a_class() -> None:
    assert [callable_name(lambda: None), callable_name(Callable)] == ["<lambda>", "Callable"]


def test_shell_keeps_the_command() -> None:
    assert shell("a  b") == Shell("a  b")


def test_timeout_is_a_number_of_seconds() -> None:
    assert (run(act, timeout=1.5).timeout, async_run("a", act, timeout=0).timeout) == (1.5, 0)
    assert run(act).timeout is None
    for bad in ("1", -1, True):
        with pytest.raises(TypeError, match="timeout takes a number of seconds, 0 or more"):
            run(act, timeout=bad)  # type: ignore[arg-type]


def test_place_of_a_step_is_that_of_the_users_plugin() -> None:
    in_tree: dict[str, Any] = {"__name__": "doitstack_plugins.tides.plugin", "run": run}
    with recorded_steps() as made:
        theirs = run(print)
        exec("ours = run(print)", in_tree)
    assert theirs.place == made[0].place
    assert theirs.place.startswith(f"{__file__}:")
    assert in_tree["ours"].place == ""
