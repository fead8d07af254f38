"""Which services are enabled."""

import pytest


@pytest.mark.parametrize(
    ("enabled", "question", "code"),
    [
        *(("key,n-api", "key", 0), ("key,n-api", "nova", 0), ("key", "nova", 1), ("", "key", 1)),
        *(("g-api", "glance", 0), ("c-vol", "cinder", 0), ("s-proxy", "swift", 0)),
        *(("q-svc", "neutron", 0), ("neutron-api", "neutron", 0), ("swift", "s-proxy", 0)),
        *(("tr-api", "trove", 0), ("n-cpu", "n-cpu-2", 0), ("keystone", "key", 1)),
        *(("key", "mysql key", 0), ("a.b", "axb", 1), ("axb", "a.b", 1)),
        *(("key", "keystone", 0), ("placement-api", "placement", 0), ("placement-api", "place", 1)),
    ],
)
def test_is_service_enabled(bash, enabled: str, question: str, code: int) -> None:
    bash(f"ENABLED_SERVICES={enabled}; is_service_enabled {question}", code=code)


@pytest.mark.parametrize(
    ("part", "project"),
    [("n-api", "nova"), ("g-api", "glance"), ("c-api", "cinder"), ("placement-api", "placement")],
)
def test_projects_have_a_function_of_their_own(bash, part: str, project: str) -> None:
    names = "is_nova_enabled is_glance_enabled is_cinder_enabled is_placement_enabled"
    ask = f"for f in {names}; do $f && echo $f; done; :"
    assert bash.says(f"ENABLED_SERVICES=key,{part}; {ask}") == f"is_{project}_enabled"
    assert bash.says(f"ENABLED_SERVICES={part}; DISABLED_SERVICES={project}; {ask}") == ""


def test_is_service_enabled_calls_a_function_of_that_name(bash) -> None:
    bash("ENABLED_SERVICES=; is_mine_enabled() { true; }; is_service_enabled mine")
    bash("ENABLED_SERVICES=; is_mine_enabled() { false; }; is_service_enabled mine", code=1)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("enable_service b c", "a,b,c"),
        ("enable_service a", "a"),
        ("enable_service b -a", "b"),
        ("disable_service a", ""),
        ("enable_service b; disable_service a", "b"),
        ("disable_service b; enable_service b > /dev/null", "a"),
        ("enable_service 'b c'", "a,b,c"),
        ("disable_all_services; enable_service x", "x"),
        ("ENABLED_SERVICES+=,b,-a; disable_negated_services", "b"),
        ("ENABLED_SERVICES=$(remove_disabled_services a,b,c a,c)", "b"),
        ("ENABLED_SERVICES=$(remove_disabled_services 'a,b,c,d' 'a,c d')", "b"),
        ("ENABLED_SERVICES='a_a, -a_a'; disable_negated_services", ""),
        ("ENABLED_SERVICES='a b, -a'; disable_negated_services", "b"),
    ],
)
def test_enabled_services_change(bash, script: str, expected: str) -> None:
    assert bash.says(f'ENABLED_SERVICES=a; {script}; echo "$ENABLED_SERVICES"') == expected


def test_a_disabled_service_stays_disabled(bash) -> None:
    done = bash("ENABLED_SERVICES=; disable_service x; enable_service x")
    assert "Attempt to enable_service x when it has been disabled" in done.out
    done = bash(
        "ENABLED_SERVICES=a; disable_service a; ENABLED_SERVICES=a; verify_disabled_services",
        code=1,
    )
    assert "directly modified" in done.err


def test_use_exclusive_service(bash) -> None:
    script = (
        'ENABLED_SERVICES=a,z; C="a b"; use_exclusive_service C R b; echo "$R $ENABLED_SERVICES"'
    )
    assert bash.says(script) == "b z,b"
    bash('C="a b"; use_exclusive_service C R d', code=1)


def test_services_leave_xtrace_alone(bash) -> None:
    done = bash(
        "ENABLED_SERVICES=a; set -x; is_service_enabled a; enable_service b; [[ $- == *x* ]]"
    )
    assert "_in_list" not in done.err
