"""Requests to the main process: services, accounts."""
# ruff: noqa: E501 - a line of bash stays a line

from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("script", "asked"),
    [
        ("run_process a '/bin/x --y'", "<run_process><a></bin/x --y>"),
        ("run_process a /bin/x g u A=1", "<run_process><a></bin/x><g><u><A=1>"),
        ("run_process off /bin/x", ""),
        ("stop_process a", "<stop_process><a>"),
        ("stop_process off", ""),
        ("restart_service devstack@a.service", "<restart_process><a>"),
        ("start_service devstack@a", "<start_process><a>"),
        ("stop_service devstack@a.service", "<stop_process><a>"),
        ("reload_service devstack@a", "<reload-or-restart_process><a>"),
        ("write_user_unit_file devstack@a.service /bin/x '' u", "<write_unit><a></bin/x><><u>"),
        ("write_uwsgi_user_unit_file devstack@a.service /bin/x", "<write_unit><a></bin/x>"),
        ("service_check", "<service_check>"),
        ("$SYSTEMCTL restart devstack@a.service", "<restart_process><a>"),
        ("$SYSTEMCTL --quiet stop devstack@a devstack@b", "<stop_process><a>\n<stop_process><b>"),
        ("$SYSTEMCTL enable devstack@a.service; $SYSTEMCTL disable devstack@a", ""),
        ("stop_keystone", "<stop_process><keystone>"),
        ("stop_neutron", "<stop_process><neutron-api>"),
        ("start_nova_compute; stop_nova_compute", "<start_process><n-cpu>\n<stop_process><n-cpu>"),
        ("start_nova_api; start_nova_rest", "<start_process><n-api>\n<start_process><n-api>"),
        ("start_nova_conductor; stop_nova_conductor", ""),
        (
            "start_nova; stop_nova_rest",
            "<start_process><n-api>\n<start_process><n-cpu>\n<stop_process><n-api>",
        ),
        ("stop_nova", "<stop_process><n-cpu>\n<stop_process><n-api>"),
        ("start_neutron_agents", ""),
        ("init_ovn; start_ovn", ""),
        ("start_glance; stop_glance", "<start_process><g-api>\n<stop_process><g-api>"),
        (
            "start_placement; stop_placement",
            "<start_process><placement-api>\n<stop_process><placement-api>",
        ),
        ("start_cinder; stop_cinder", "<start_process><c-vol>\n<stop_process><c-vol>"),
        ("start_horizon; stop_horizon", "<start_process><horizon>\n<stop_process><horizon>"),
        (
            "start_swift",
            "<start_process><s-object>\n<start_process><s-container>\n"
            "<start_process><s-account>\n<start_process><s-proxy>",
        ),
        (
            "stop_swift",
            "<stop_process><s-proxy>\n<stop_process><s-object>\n"
            "<stop_process><s-container>\n<stop_process><s-account>",
        ),
        ("get_or_create_domain d text", "<get_or_create_domain><d><text>"),
        ("get_or_create_group g d", "<get_or_create_group><g><d>"),
        ("get_or_create_user u 'p w' d", "<get_or_create_user><u><p w><d>"),
        ("get_or_create_project p d", "<get_or_create_project><p><d>"),
        ("get_or_create_role r", "<get_or_create_role><r>"),
        ("get_or_add_user_project_role r u p", "<get_or_add_user_project_role><r><u><p>"),
        ("get_or_add_user_domain_role r u d", "<get_or_add_user_domain_role><r><u><d>"),
        ("get_or_add_user_system_role r u all", "<get_or_add_user_system_role><r><u><all>"),
        ("get_or_add_group_project_role r g p", "<get_or_add_group_project_role><r><g><p>"),
        ("get_or_create_service n t 'a b'", "<get_or_create_service><n><t><a b>"),
        ("get_or_create_endpoint s R http://x", "<get_or_create_endpoint><s><R><http://x>"),
        ("get_endpoint_url s public", "<get_endpoint_url><s><public>"),
    ],
)
def test_requests_of_functions(bash, script: str, asked: str) -> None:
    assert (
        bash.says(
            f"{bash.requests()}; ENABLED_SERVICES=a,n-api,n-cpu,c-vol,s-proxy,s-object,s-account,s-container; {script}"
        )
        == asked
    )


def test_start_ovn_waits_for_what_the_plugin_of_ovn_starts(bash) -> None:
    wait = "ENABLED_SERVICES=ovn-controller; async_wait() { echo waits for $*; }"
    assert bash.says(f"{wait}; init_ovn; start_ovn") == "waits for start_ovn"


def test_create_service_user_gives_it_its_roles(bash) -> None:
    lines = bash(f"{bash.requests()}; SERVICE_PASSWORD=pw; create_service_user nova admin").lines
    role = "<nova><service><Default><Default>"
    assert lines == [
        "<get_or_create_user><nova><pw><Default>",
        f"<get_or_add_user_project_role><service>{role}",
        f"<get_or_add_user_project_role><admin>{role}",
    ]


def test_run_process_refuses_what_cannot_work(bash) -> None:
    assert "absolute path" in bash("ENABLED_SERVICES=a; run_process a 'x y'", code=1).err
    assert "with sudo" in bash("ENABLED_SERVICES=a; run_process a 'sudo x'", code=1).err


def test_run_process_reports_a_service_that_it_does_not_start(bash) -> None:
    done = bash(f"{bash.requests()}; ENABLED_SERVICES=a; run_process off /bin/x")
    assert (done.out, done.err) == ("", "off is not enabled, so run_process does not start it\n")


def test_run_process_keeps_the_status(bash) -> None:
    script = "doitstack_request() { echo no >&2; return 4; }; ENABLED_SERVICES=a; run_process a /x || echo $?"
    done = bash(script)
    assert (done.out, done.err) == ("4\n", "no\n")


def test_outside_of_a_session_python_answers(bash) -> None:
    script = "DOITSTACK_PYTHON=echo; get_or_create_role r"
    assert bash.says(script) == "-m doitstack request get_or_create_role r"


def test_a_session_defines_its_request_function(bash) -> None:
    script = f"unset _DOITSTACK_LIBRARY; {bash.requests()}; source $LIBRARY; get_or_create_role r"
    assert (
        bash.says(f"LIBRARY=$_DOITSTACK_LIBRARY/library.sh; {script}") == "<get_or_create_role><r>"
    )


@pytest.mark.parametrize(
    ("script", "uri"),
    [
        ("start_keystone", "http://k/v3/"),
        ("start_neutron", "http://n"),
        ("start_neutron_service_and_check", "http://n"),
    ],
)
def test_in_tree_services_are_waited_for(bash, script: str, uri: str) -> None:
    start = f"{bash.requests()}; KEYSTONE_SERVICE_URI=http://k NEUTRON_SERVICE_URI=http://n"
    name = {"start_keystone": "keystone"}.get(script, "neutron-api")
    lines = bash(f'{start}; wait_for_service() {{ echo "$2"; }}; {script}').lines
    assert lines == [f"<start_process><{name}>", uri]
    done = bash(f"{start}; wait_for_service() {{ return 124; }}; {script}", code=124)
    assert "did not start" in done.err


@pytest.mark.parametrize(
    ("question", "code", "out"),
    [
        *(("is-active devstack@a.service", 0, ""), ("is-active devstack@b", 3, "")),
        *(("is-enabled devstack@b", 0, ""), ("is-enabled devstack@none", 4, "")),
        ("status devstack@a --no-pager", 0, "devstack@a: RUNNING\n"),
    ],
)
def test_systemctl_shows_the_stacks_services(bash, question: str, code: int, out: str) -> None:
    fake = "doitstack_request() { printf 'a RUNNING\\nb EXITED\\n'; }"
    assert bash(f"{fake}; $SYSTEMCTL {question}", code=code).out == out


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="where there is no systemd")
def test_systemctl_without_systemd_has_nothing_to_enable(bash) -> None:
    script = (
        "doitstack_systemctl daemon-reload; $SYSTEMCTL enable x; $SYSTEMCTL start no_such_service"
    )
    assert "no such service" in bash(script, code=5).err


def test_other_services_are_the_machines(bash) -> None:
    done = bash("restart_service no_such_service_here", code=5, options="-u")
    assert "no such service" in done.err or "not found" in done.err


def test_is_running(bash) -> None:
    # Once it has spoken its command line is its own; before, it is that of a fork, or none.
    script = """
    coproc MARKED { exec bash -c 'echo up; read -r' marked-"$BASHPID"; }
    pid=$MARKED_PID
    read -r -u "${MARKED[0]}"
    is_running "marked-$pid" && echo yes
    kill "$pid"; wait "$pid" || :
    is_running "marked-$pid" || echo no
    """
    assert bash(script).lines == ["yes", "no"]


def test_configure_keystone_authtoken_middleware(bash) -> None:
    script = """
    SERVICE_PASSWORD=pw KEYSTONE_SERVICE_URI=http://k MEMCACHE_SERVERS=m:1
    configure_keystone_authtoken_middleware f.ini nova
    configure_keystone_authtoken_middleware f.ini nova other compute
    configure_auth_token_middleware f.ini nova /signing third > /dev/null
    """
    bash(script)
    text = (bash.path / "f.ini").read_text()
    sections = {part.split("]")[0]: part.split("]")[1] for part in text.split("[")[1:]}
    common = (
        "\nmemcached_servers = m:1\nproject_domain_name = Default\nproject_name = service\n"
        "user_domain_name = Default\npassword = pw\nusername = nova\nauth_url = http://k\n"
        "interface = public\nauth_type = password\n"
    )
    assert {name: part.strip() for name, part in sections.items()} == {
        "keystone_authtoken": common.strip(),
        "other": f"service_type = compute{common}".strip(),
        "third": common.strip(),
    }
