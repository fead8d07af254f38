"""Steps of many plugins become one plan."""

import pytest

from doitstack.errors import PlanError
from doitstack.phases import Phase
from doitstack.planning.plan import Declared, Plan, make_plan
from doitstack.planning.plugin import Plugin
from doitstack.planning.possible_futures import FutureNames
from doitstack.steps import Step, async_run, async_wait, run


def act(stack: object) -> None:
    """Stand for an action."""


def _plan(*declared: tuple[Phase, str, list[Step]]) -> Plan:
    return make_plan(
        Declared(phase, Plugin(name, f"{name}.py"), steps) for phase, name, steps in declared
    )


def _install(*steps: Step) -> Plan:
    return _plan((Phase.INSTALL, "p", list(steps)))


def _needs(plan: Plan) -> dict[str, list[str]]:
    def short(name: str) -> str:
        return name.rpartition(":")[2]

    return {short(step.task): [short(name) for name in step.needs] for step in plan.steps}


def test_tasks_are_named_by_phase_plugin_and_step() -> None:
    plan = _plan(
        (Phase.SOURCE, "a", [run(act)]),
        (Phase.PRE_INSTALL, "b", [run(act), run(act), run(act, name="x=y")]),
        (Phase.INSTALL, "a", [async_run("f", act), async_wait("f")]),
    )

    assert [(step.number, step.task) for step in plan.steps] == [
        (0, "source:a:act"),
        (1, "stack:pre-install:b:act"),
        (2, "stack:pre-install:b:act-2"),
        (3, "stack:pre-install:b:x-y"),
        (4, "stack:install:a:f"),
        (5, "stack:install:a:async_wait-f"),
    ]
    assert [step.task for step in plan.of_phase(Phase.INSTALL)] == [
        "stack:install:a:f",
        "stack:install:a:async_wait-f",
    ]


def test_main_line_step_needs_the_one_before_it_across_phases() -> None:
    plan = _plan(
        (Phase.PRE_INSTALL, "a", [run(act, name="1"), run(act, name="2")]),
        (Phase.INSTALL, "b", [run(act, name="3")]),
    )

    assert _needs(plan) == {"1": [], "2": ["1"], "3": ["2"]}


def test_steps_that_only_look_need_not_each_other_and_are_all_needed() -> None:
    plan = _install(
        run(act, name="1"),
        run(act, name="look-a", only_looks=True),
        run(act, name="look-b", only_looks=True),
        async_run("f", act),
        run(act, name="2"),
        run(act, name="look-c", only_looks=True),
        run(act, name="3"),
    )

    assert _needs(plan) == {
        "1": [],
        "look-a": ["1"],
        "look-b": ["1"],
        "f": ["look-b", "look-a"],
        "2": ["look-b", "look-a"],
        "look-c": ["2"],
        "3": ["look-c"],
    }


def test_future_needs_the_main_line_before_it_and_its_own_waits() -> None:
    plan = _install(
        async_run("early", act),
        run(act, name="1"),
        async_run("a", act),
        async_run("b", act, wait=["a", "c"]),
        run(act, name="2"),
        async_run("c", act),
        async_wait("b", "early"),
        run(act, name="3"),
    )

    assert _needs(plan) == {
        "early": [],
        "1": [],
        "a": ["1"],
        "b": ["1", "a", "c"],
        "2": ["1"],
        "c": ["2"],
        "async_wait-b-early": ["2", "b", "early"],
        "3": ["async_wait-b-early"],
    }


def test_future_is_marked_if_it_is_awaited() -> None:
    plan = _install(
        async_run("a", act), async_run("b", act, wait=["a"]), async_run("c", act), async_wait("b")
    )

    assert [step.is_awaited for step in plan.steps] == [True, True, False, False]
    assert plan.warnings == ("future c of plugin p is never waited for",)


def test_wait_for_a_future_that_nothing_starts_is_refused() -> None:
    with pytest.raises(PlanError) as raised:
        _install(async_run("make_a", act), async_run("b", act, wait=["mak_a"]), async_wait("x"))

    assert str(raised.value).splitlines() == [
        "plugin p waits for mak_a, which no plugin starts; did you mean make_a?",
        "plugin p waits for x, which no plugin starts",
    ]


def test_wait_for_a_future_that_may_be_started_is_allowed() -> None:
    steps = [async_wait("of_a_script"), async_wait("of_service_3")]
    others = FutureNames(frozenset({"of_a_script"}), frozenset({"of_service_.*"}))
    plan = make_plan([Declared(Phase.INSTALL, Plugin("p", ""), steps)], lambda: others)

    assert plan.warnings == ("plugin p waits for of_service_3, which no plugin starts",)
    assert plan.steps[0].needs == ()


def test_other_futures_are_looked_for_only_if_they_are_awaited() -> None:
    def others() -> FutureNames:
        raise AssertionError

    steps = [async_run("a", act), async_wait("a")]
    assert make_plan([Declared(Phase.INSTALL, Plugin("p", ""), steps)], others).warnings == ()


def test_two_futures_of_one_name_are_refused() -> None:
    with pytest.raises(PlanError) as raised:
        _plan(
            (Phase.INSTALL, "one", [async_run("a", act)]),
            (Phase.POST_CONFIG, "two", [async_run("a", act), async_wait("a")]),
        )

    assert str(raised.value) == (
        "two futures of one name: a, of plugin one in stack install and of plugin two in "
        "stack post-config; rename one"
    )


def test_name_may_be_used_again_once_it_is_collected() -> None:
    plan = _install(
        async_run("a", act), async_wait("a"), async_run("a", act), run(act), async_wait("a")
    )

    assert [step.task.rpartition(":")[2] for step in plan.steps] == [
        "a", "async_wait-a", "a-2", "act", "async_wait-a-2"
    ]  # fmt: skip
    assert _needs(plan)["async_wait-a-2"] == ["act", "a-2"]


def test_cycle_of_waits_is_refused() -> None:
    with pytest.raises(PlanError) as raised:
        _install(
            async_run("a", act, wait=["b"]), async_run("b", act, wait=["a"]), async_wait("a", "b")
        )

    assert "a cycle of waits: " in str(raised.value)
    assert "stack:install:p:a -> stack:install:p:b -> stack:install:p:a" in str(raised.value)
    assert str(raised.value).endswith("; drop one of the waits")


def test_wait_before_the_start_is_a_cycle_through_the_main_line() -> None:
    with pytest.raises(PlanError, match="a cycle of waits"):
        _install(async_wait("a"), async_run("a", act))


def test_future_that_waits_for_itself_is_refused() -> None:
    with pytest.raises(PlanError, match=r"a cycle of waits: .*:a -> .*:a; drop"):
        _install(async_run("a", act, wait=["a"]))


def test_all_mistakes_are_reported_together() -> None:
    with pytest.raises(PlanError) as raised:
        _install(
            async_run("a", act),
            async_run("a", act),
            async_run("b", act, wait=["b"]),
        )

    assert [line.partition(":")[0] for line in str(raised.value).splitlines()] == [
        "two futures of one name",
        "a cycle of waits",
    ]


def test_plan_of_nothing_is_empty() -> None:
    assert _plan() == Plan(())
