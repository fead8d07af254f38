"""Readers of what users write: settings, local.conf, scripts, the variables of the role."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from doitstack.config import dest_directory, passwords
from doitstack.config.cache_directories import cache_directory, uv_variables
from doitstack.config.local_conf import LocalSettings, _script_of, _text, parse_sections
from doitstack.config.masking import Mask
from doitstack.config.settings import DEFAULTS, Settings, load_settings
from doitstack.errors import DoitstackError
from doitstack.planning import plugin_repositories, script_checks
from doitstack.planning.local_conf_sections import section_mistakes, section_warnings
from tests.campaign.mutator import Target

LOCAL_CONF = b"""# mine
[[local|localrc]]
ADMIN_PASSWORD=secret
DEST=/opt/stack
ENABLED_SERVICES=key,tempest,-horizon
enable_plugin demo https://example.org/demo.git main
enable_service n-api
MULTI="a
b"
[[post-config|$KEYSTONE_CONF]]
[token]
expiration = 600
[[test-config|/etc/tempest.conf]] # comment
[a]
b = c
"""

SCRIPT = b"""#!/bin/bash
set -o xtrace
function install_demo {
    if is_service_enabled demo; then
        pip_install_gr demo ; sudo apt-get install -y x
    fi
}
configure_demo() { iniset $F DEFAULT x "y"; set -e; source $TOP_DIR/functions; }
define_plugin demo
plugin_requires demo other
if [[ "$1" == "stack" && "$2" == "install" ]]; then
    async_run demo install_demo || die $LINENO "no"
    set -- -n
fi
"""


def settings_targets(directory: Path) -> Iterator[Target]:
    directory.mkdir()
    words = (
        *(b"[[local|localrc]]\n", b"[[post-config|", b"]]"),
        *(b"[[", b"[[a]]", b"[[local]]", b"\n[x]\n"),
        *(b" " * 50_000, b"[" * 50_000, b"\n" * 50_000, b"[[a|" + b"b" * 50_000),
        *(b"enable_plugin ", b"ENABLED_SERVICES=", b"key", b"$DEST", b"${X}", b"=", b"\\\n"),
    )  # fmt: skip
    yield Target(
        "local.conf",
        (LOCAL_CONF, b"", b"[[local|localrc]]\nA=1\n"),
        words,
        partial(_read_local_conf, directory / "local.conf"),
    )
    yield Target("settings", _SETTINGS, _SETTING_WORDS, partial(_read_settings, directory))
    yield Target("scripts", (SCRIPT, b"plugin_requires a b\n"), _SCRIPT_WORDS, _read_script)
    yield Target("role", _ROLE, _ROLE_WORDS, _read_role_data)


def _read_local_conf(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        sections = parse_sections(_text(path), path)
    except DoitstackError:
        return
    lines = data.decode().removesuffix("\n").split("\n")
    for section in sections:
        start = section.first_line - 1
        assert tuple(lines[start : start + len(section.lines)]) == section.lines
        assert lines[start - 1].startswith(f"[[{section.group}|{section.file}]]")
    script = _script_of(sections).split("\n")
    for section in sections:
        if (section.group, section.file) == ("local", "localrc"):
            assert script[section.first_line - 1 :][: len(section.lines)] == list(section.lines)
    local = LocalSettings({}, (), sections)
    list(section_warnings(local, path, {}))
    list(section_mistakes(local, path, (), {}))


_SETTINGS = (
    b"DEST=/nonexistent/stack\0HOST_IP=10.0.0.1\0ASYNC_JOBS=4\0STEP_TIMEOUT=10",
    b"HOST_IPV6=[::1]\0SERVICE_IP_VERSION=6\0KEYSTONE_SERVICE_PORT=5000\0OFFLINE=True",
    b"ENABLED_SERVICES=key,-tempest,n-api\0DISABLED_SERVICES=a,b\0LOGDIR=/tmp\0DATA_DIR=/x/y",
    b"MY_PASSWORD=secret-word\0HOME=/root\0XDG_CACHE_HOME=/x\0KEEP_RUNS=10\0WARM_IDLE_SECONDS=9",
    b"DEST=LOOP",
    b"LOGDIR=LOOP/x\0DATA_DIR=LOOP",
    b"HOME=LOOP\0XDG_CACHE_HOME=LOOP",
    b"DOITSTACK_CACHE_DIR=c\0UV_CACHE_DIR=u\0LOOP=1\0SERVICE_TIMEOUT=600\0DEVSTACK_PARALLEL=no",
)
_SETTING_WORDS = (
    *(b"LOOP", b"/proc/self/fd", b"/dev/null", b"~", b"~nosuchuser", b"$HOME", b"%", b"{DEST}"),
    *(b"\0DEST=", b"\0LOGDIR=", b"\0HOST_IP="),
    *(b"\0MY_TOKEN=", b"\0ENABLED_SERVICES=", b"True", b"-a"),
    *(b"[", b"[::1]", b"a" * 300, b"/" + b"b/" * 2500),
)  # fmt: skip


def _read_settings(directory: Path, data: bytes) -> None:
    loop = directory / "loop"
    if not loop.is_symlink():
        loop.symlink_to(loop)
    fields = os.fsdecode(data.replace(b"LOOP", os.fsencode(loop))).split("\0")
    environ = dict(field.split("=", 1) for field in fields if field.find("=") > 0)
    with suppress(DoitstackError):
        settings = load_settings(directory, environ)
        _use_settings(settings)
        dest_directory.check(settings)
        dest_directory.owned(settings)


def _use_settings(settings: Settings) -> None:
    check_mask(passwords.known_secrets(settings))
    settings.is_service_enabled("keystone", "neutron", "s-proxy")
    cache_directory(settings)
    uv_variables(settings)
    for name in DEFAULTS:
        settings.path(name)
    with suppress(DoitstackError):
        settings.port("KEYSTONE_SERVICE_PORT")
    settings.enable_service("x")
    settings.disable_service("key")


def check_mask(secrets: list[str]) -> None:
    mask = Mask(secrets)
    # One of stars alone cannot be told from what hides it.
    for secret in [secret for secret in secrets if secret.strip("*")][:3]:
        assert secret not in mask.text(f"'{secret}' x"), "is shown"
        data = f"'{secret}' x".encode(errors="surrogateescape")
        assert secret.encode(errors="surrogateescape") not in mask.data(data), "is shown"


_SCRIPT_WORDS = (
    *(b"if ", b"then ", b"set -n"),
    *(b"set -o noexec", b"plugin_requires a b\n", b"define_plugin a\n"),
    *(b" " * 50_000, b"\n" * 50_000, b"-n" * 20_000),
    *(b"set -" + b"n" * 40_000 + b"_", b";a" * 20_000, b"then" + b"\t" * 40_000),
    *(b"function f {", b"f() {", b"source ", b"$TOP_DIR/x"),
    *(b"sudo ", b" ! ", b"async_run f ", b"\\\n"),
)  # fmt: skip


def _read_script(data: bytes) -> None:
    text = data.decode(errors="replace")
    texts = {Path("devstack/plugin.sh"): text}
    script_checks.noexec_line(text)
    script_checks.unprovided_calls(texts)
    script_checks.missing_files(texts, lambda _: False)
    script_checks.needs_sudo(texts)
    _read_plugin_settings(text)


def _read_plugin_settings(text: str) -> None:
    re.findall(plugin_repositories._DEFINES, text)
    for match in re.finditer(plugin_repositories._REQUIRES, text):
        assert match[1]


_ROLE = (
    json.dumps(
        {
            "localrc": {"A": "x $B", "B": 'it\'s "q"', "C": True, "D": None, "E": "\\$x `y`"},
            "local_conf": {"post-config": {"$KEYSTONE_CONF": {"token": {"expiration": 600}}}},
            "services": {"base": True, "key": True, "tempest": False},
            "plugins": {"demo": "https://example.org/demo main"},
            "base_services": ["key", "mysql"],
            "projects": {"a": {"short_name": "a", "required": True}},
            "project": {"short_name": "b"},
        }
    ).encode(),
)
_ROLE_WORDS = (
    *(b'"', b"\\n", b"\\u0000", b"\\u2028", b"\\ud800"),
    *(b"]]", b"[[", b"[x]", b"$A", b"${A}", b"$(A)"),
    *(b"null", b"[]", b"{}", b"{\"a\": {}}", b"true", b"1.5", b"\\r", b" ", b"#", b"|", b"="),
)  # fmt: skip


def _render() -> tuple[Callable[[Any], str], type[Exception]]:
    role = Path(__file__).parents[2] / "roles" / "doitstack" / "library"
    sys.path.insert(0, str(role))
    try:
        import devstack_local_conf  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(role))
    return devstack_local_conf.render, devstack_local_conf.MistakeError


def _read_role_data(data: bytes) -> None:
    render, mistake = _render()
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        return
    # Ansible itself checks the types of the module's arguments.
    nested = ("localrc", "local_conf", "services", "plugins", "projects", "project")
    if not isinstance(values, dict) or not all(isinstance(values.get(n), dict) for n in nested):
        return
    services = values.get("base_services")
    if services is not None and not isinstance(services, list):
        return
    values["base_services"] = services and [str(one) for one in services]
    try:
        text = render(values)
    except mistake:
        return
    text.encode()
    sections = [one for one in parse_sections(text, Path("local.conf")) if one.group != "local"]
    wanted = [(phase, file) for phase, files in values["local_conf"].items() for file in files]
    assert [(one.group, one.file) for one in sections] == wanted, "other sections"
    for one in sections:
        options = values["local_conf"][one.group][one.file]
        assert _options(one.lines) == {
            (section, key): "" if value is None else str(value).strip()
            for section, entries in options.items()
            for key, value in entries.items()
        }, "other options"


def _options(lines: tuple[str, ...]) -> dict[tuple[str, str], str]:
    found, section = {}, ""
    for line in lines:
        if line.startswith("["):
            section = line[1:-1]
        elif line:
            key, _, value = line.partition(" =")
            found[section, key] = value.strip()
    return found
