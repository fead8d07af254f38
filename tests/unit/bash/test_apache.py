"""Apache as a service of the stack, and what is recorded where it cannot run."""
# ruff: noqa: E501 - a line of bash stays a line

import os
import socket

import pytest

_SITE = 'echo "Listen 81" > "$(apache_site_config_for x)"; enable_apache_site x'
# A program in the place of Apache, which accepts all sites; requests are printed.
_APACHE = """
_doitstack_session=$BASHPID; _apache_program() { echo "$PWD/bin/apache"; }
service_check() { [[ ! -e runs ]] || echo "apache RUNNING"; }
kill() { [[ $2 == "$(< dest/apache/apache2.pid)" ]] && echo "kill $1 of Apache"; }
"""


def test_sites_are_recorded_outside_of_a_stack(bash) -> None:
    script = f"""
    {_SITE}; ls dest/apache/sites-enabled; disable_apache_site x; ls dest/apache/sites-enabled
    {_SITE}; start_apache_server; restart_apache_server; reload_apache_server; stop_apache_server
    enable_apache_mod proxy; enable_mod_ssl; write_local_proxy_http_config y http://h:1 /y
    cat dest/apache/sites-enabled/y.conf
    APACHE_ENABLED_SERVICES=a,b; is_apache_enabled_service c b && echo yes
    """
    assert bash(script).lines == ["x.conf", 'ProxyPass "/y" "http://h:1" retry=0 acquire=1', "yes"]


def test_sites_are_served_and_then_reloaded_by_apache_alone(bash) -> None:
    bash.program("apache", "exit 0")
    root = bash.path / "dest" / "apache"
    script = f"""{bash.requests()}; {_APACHE}
    APACHE_PORT=8080 SERVICE_HOST=h ENABLED_SERVICES=key,q-svc KEYSTONE_SERVICE_URI=http://k:5 NOVA_SERVICE_URI=http://n:6
    NEUTRON_SERVICE_URI=http://q:7/
    start_apache_server; {_SITE}; enable_apache_site gone; enable_apache_mod lua; start_apache_server
    : > runs; echo 1 > dest/apache/apache2.pid; start_apache_server
    tail -f {root}/apache2.conf > /dev/null & pid=$!
    until grep -q apache2.conf /proc/$pid/cmdline; do :; done
    echo $pid > dest/apache/apache2.pid; write_local_proxy_http_config y http://h:1 /y; builtin kill $pid
    """
    assert bash(script).lines == [
        f"<run_process><apache><{bash.path}/bin/apache -D FOREGROUND -f {root}/apache2.conf >",
        "<restart_process><apache>",
        "kill -USR1 of Apache",
    ]
    conf = (root / "apache2.conf").read_text().splitlines()
    assert [
        line for line in conf if not line.startswith(("LoadModule", "User", "Group", "Types"))
    ] == [
        f'ServerRoot "{root}"',
        'ServerName "h"',
        "Listen 127.0.0.1:8080",
        f'DefaultRuntimeDir "{root}"',
        "PidFile apache2.pid",
        f'ErrorLog "{bash.env["DEST"]}/logs/apache.log"',
        "ProxyPreserveHost On",
        'ProxyPass "/identity" "http://k:5" retry=0',
        'ProxyPass "/networking" "http://q:7" retry=0',
        f'Include "{root}/sites-enabled/x.conf"',
        f'Include "{root}/sites-enabled/y.conf"',
    ]
    assert ("User www-data" in conf) == (os.geteuid() == 0)


def test_site_that_apache_refuses_fails(bash) -> None:
    bash.program("apache", "echo 'x.conf line 1: no such word'; exit 1")
    outcome = bash(f"{bash.requests()}; {_APACHE}\n{_SITE}; start_apache_server", code=1)
    assert "run_process" not in outcome.out
    assert "Apache refuses a site: x.conf line 1: no such word" in outcome.err


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("APACHE_PORT={taken}", "something else uses the port"),
        ("APACHE_PORT={free}; _is_privileged() {{ false; }}", "that needs Debian's or Ubuntu's apache2-bin, and root"),
        ("APACHE_PORT={free}; is_ubuntu() {{ false; }}", "that needs Debian's or Ubuntu's apache2-bin, and root"),
        ("APACHE_PORT={free}; install_package() {{ echo no mirror >&2; false; }}", "apache2-bin is not installed"),
        ("APACHE_PORT=", None),
    ],
)  # fmt: skip
def test_where_apache_cannot_serve_the_reason_is_said(
    bash, settings: str, reason: str | None
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        ports = {"taken": taken.getsockname()[1], "free": free.getsockname()[1]}
        outcome = bash(
            f"""{bash.requests()}; service_check() {{ :; }}; _doitstack_session=$BASHPID
            _is_privileged() {{ true; }}; is_ubuntu() {{ true; }}
            {settings.format(**ports)}
            {_SITE}; start_apache_server; echo "goes on $APACHE_PORT" """
        )
    assert [line for line in outcome.lines if line.startswith("<run")] == []
    port = outcome.lines[-1].removeprefix("goes on ").strip()
    said = [line for line in outcome.err.splitlines() if "Apache" in line]
    assert said == ([f"Apache does not serve 127.0.0.1:{port}: {reason}"] if reason else [])
