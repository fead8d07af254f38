"""The local.conf that the Ansible role writes from DevStack's variables."""

import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import pytest

from doitstack.config.settings import load_settings
from tests.conftest import CHECKOUT

SOURCE = CHECKOUT / "roles" / "doitstack" / "library" / "devstack_local_conf.py"
_spec = importlib.util.spec_from_file_location("devstack_local_conf", SOURCE)
assert _spec
assert _spec.loader
module: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(module)

NOTHING = {
    "localrc": {},
    "local_conf": {},
    "base_services": None,
    "services": {},
    "plugins": {},
    "projects": {},
    "project": {},
    "hosts": {},
}


def render(**data: Any) -> str:
    text: str = module.render({**NOTHING, **data})
    return text


def test_all_parts_stand_in_devstacks_order() -> None:
    assert render(
        plugins={"zaqar": "https://example.org/zaqar stable/1", "heat": "https://x", "off": ""},
        base_services=["key", "mysql"],
        services={"tempest": False, "heat": True, "odd": "yes", "base": True},
        localrc={"DATABASE_PASSWORD": "$ADMIN_PASSWORD", "ADMIN_PASSWORD": "secret"},
        local_conf={
            "post-config": {
                "$KEYSTONE_CONF": {
                    "DEFAULT": {"debug": True, "empty": None},
                    "token": {"expiration": 60},
                }
            },
            "test-config": {"$TEMPEST_CONFIG": {"compute": {"min_compute_nodes": "1"}}},
        },
        projects={
            "example.org/heat": {"short_name": "heat", "required": True},
            "example.org/seen": {"short_name": "seen", "required": False},
        },
        project={"short_name": "nova"},
    ) == (
        "[[local|localrc]]\n"
        "enable_plugin heat https://x\n"
        "enable_plugin zaqar https://example.org/zaqar stable/1\n"
        "ENABLED_SERVICES=key,mysql\n"
        "disable_service tempest\n"
        "enable_service heat\n"
        'ADMIN_PASSWORD="secret"\n'
        'DATABASE_PASSWORD="$ADMIN_PASSWORD"\n'
        "LIBS_FROM_GIT=heat,nova\n"
        "\n"
        "[[post-config|$KEYSTONE_CONF]]\n"
        "[DEFAULT]\n"
        "debug = True\n"
        "empty =\n"
        "\n"
        "[token]\n"
        "expiration = 60\n"
        "\n"
        "[[test-config|$TEMPEST_CONFIG]]\n"
        "[compute]\n"
        "min_compute_nodes = 1\n"
    )


def test_nothing_makes_an_empty_section() -> None:
    assert render() == "[[local|localrc]]\n"


def test_base_false_disables_all_services_first() -> None:
    assert render(base_services=["key"], services={"g-api": True, "base": False}) == (
        "[[local|localrc]]\ndisable_all_services\nenable_service g-api\n"
    )


def test_libs_from_git_of_the_user_is_kept() -> None:
    text = render(localrc={"LIBS_FROM_GIT": "oslo.db"}, project={"short_name": "nova"})
    assert text == '[[local|localrc]]\nLIBS_FROM_GIT="oslo.db"\n'


def test_variables_come_after_those_that_they_use() -> None:
    text = render(
        localrc={"A": "${C}/a", "B": "$A:$B", "C": "$HOME", "PATH": "$B:$PATH", "Z": "no $ALIEN"}
    )
    assert text.splitlines()[1:] == ['C="$HOME"', 'A="${C}/a"', 'B="$A:$B"',
                                     'PATH="$B:$PATH"', 'Z="no $ALIEN"']  # fmt: skip


VALUES = {
    # As DevStack's role writes them, for values that are shell already:
    "plain": ("plain", "plain"),
    "True": (True, "True"),
    "90": (90, "90"),
    "nothing": (None, ""),
    "own double quotes": ('"two words"', "two words"),
    "own single quotes": ("'q'", "'q'"),
    "joined quotes": ("a'b c'\"d e\"", "a'b c'\"d e\""),
    "backslash": (r"x\.y", r"x\.y"),
    "last backslash": ("x\\", "x\\"),
    "home": ("~/z", "~/z"),
    "array": ("(a)", "(a)"),
    "quotes in a command": ('$(echo "one  two")', "one  two"),
    "variable": ("$OTHER", "other"),
    "braces": ("${MISSING:-a b}", "a b"),
    "command": ("$(echo one two)", "one two"),
    "nested": ("$(echo $(echo one) two)", "one two"),
    "backticks": ("`echo one two`", "one two"),
    "escaped": (r"one\ two", r"one\ two"),
    "escaped variable": (r"\$OTHER", "$OTHER"),
    # Where DevStack's would run a part of it as a command:
    "words": ("two words", "two words"),
    "words with a variable": ("the $OTHER one", "the other one"),
    "words with quotes": ('say "it" now', 'say "it" now'),
    "apostrophe": ("it's so", "it's so"),
    "semicolon": ("a;b", "a;b"),
    "ampersand": ("http://h/?a=b&c=d", "http://h/?a=b&c=d"),
    "pipe": ("a|b", "a|b"),
    "lines": ("one\ntwo", "one\ntwo"),
}


@pytest.mark.parametrize("value", VALUES)
def test_value_is_the_same_in_bash(value: str, tmp_path: Path) -> None:
    given, meant = VALUES[value]
    (tmp_path / "localrc").write_text(render(localrc={"V": given}).partition("\n")[2])
    script = 'OTHER=other; . ./localrc && printf %s "$V"'
    answer = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (answer.stdout, answer.stderr, answer.returncode) == (meant, "", 0)


def test_doitstack_reads_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "local.conf").write_text(
        render(
            localrc={"DEST": str(tmp_path / "dest"), "GREETING": "hello world", "LIST": "(a b)"},
            services={"base": False, "key": True},
            plugins={"demo": "https://example.org/demo main"},
            local_conf={"post-config": {"$DEMO_CONF": {"DEFAULT": {"debug": True}}}},
        )
    )

    settings = load_settings(tmp_path, {})

    assert settings.services == ("key",)
    assert (settings["GREETING"], settings["DEST"]) == ("hello world", str(tmp_path / "dest"))
    assert settings.local.plugins == (("demo", "https://example.org/demo", "main"),)
    assert [section.file for section in settings.local.sections] == ["localrc", "$DEMO_CONF"]


MISTAKES: dict[str, dict[str, Any]] = {
    "devstack_localrc.A: must be text, not a list": {"localrc": {"A": ["hidden"]}},
    "devstack_localrc.B-C: not a valid name of a variable": {"localrc": {"B-C": "hidden"}},
    "devstack_localrc: variables use one another: A -> B -> A": {
        "localrc": {"A": "$B", "B": "hidden$A"}
    },
    "devstack_plugins.demo: must be text, not a dict": {"plugins": {"demo": {"url": "hidden"}}},
    "devstack_local_conf.post-config: must be a dictionary": {
        "local_conf": {"post-config": "hidden"}
    },
    "devstack_localrc.A: a line must not begin with [[": {
        "localrc": {"A": "hidden\n[[post-config|$F]]\nb"}
    },
    "devstack_localrc.A: has a NUL, a carriage return or half a character": {
        "localrc": {"A": "hidden\r\nb"}
    },
    "devstack_plugins.a b: not a valid name of a plugin": {"plugins": {"a b": "hidden"}},
    "devstack_plugins.a: a value must be one line": {"plugins": {"a": "https://x\nhidden"}},
    "devstack_services.a; hidden: not a valid name of a service": {"services": {"a; hidden": True}},
    "devstack_base_services.None: not a valid name of a service": {"base_services": [None]},
    "projects.a.None: not a valid name of a service": {"projects": {"a": {"required": True}}},
    "projects.a: must be a dictionary": {"projects": {"a": ["hidden"]}},
    "devstack_local_conf.extra.a b: not a valid name of a file": {
        "local_conf": {"extra": {"a b": {"DEFAULT": {"a": "hidden"}}}}
    },
    "devstack_local_conf.extra.$F.a]b: not a valid name of a section": {
        "local_conf": {"extra": {"$F": {"a]b": {"a": "hidden"}}}}
    },
    "devstack_local_conf.extra.$F.DEFAULT.a\\n[b]: not a valid name of an option": {
        "local_conf": {"extra": {"$F": {"DEFAULT": {"a\n[b]": "hidden"}}}}
    },
    "devstack_local_conf.extra.$F.DEFAULT: must be a dictionary": {
        "local_conf": {"extra": {"$F": {"DEFAULT": ["hidden"]}}}
    },
    "devstack_local_conf.extra.$F.DEFAULT.a: a value must be one line": {
        "local_conf": {"extra": {"$F": {"DEFAULT": {"a": "hidden\nb"}}}}
    },
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistake_is_reported_without_the_value(message: str) -> None:
    with pytest.raises(module.MistakeError) as caught:
        render(**MISTAKES[message])
    assert str(caught.value) == message


def test_other_hosts_have_sections_for_what_differs() -> None:
    text = render(
        localrc={"ADMIN_PASSWORD": "a", "DEBUG": "yes"},
        services={"key": True},
        hosts={
            "localrc": {"two": {"ADMIN_PASSWORD": "a", "DEBUG": "no"}, "one": {}},
            "services": {"two": {"base": False, "n-cpu": True}},
            "local_conf": {"two": {"post-config": {"/f": {"DEFAULT": {"a": 1}}}}},
        },
    )
    lines = [line for line in text.splitlines() if line]
    assert lines[lines.index("[[local:one|localrc]]") :] == [
        "[[local:one|localrc]]",
        "[[local:two|localrc]]",
        "disable_all_services",
        "enable_service n-cpu",
        'DEBUG="no"',
        "[[post-config:two|/f]]",
        "[DEFAULT]",
        "a = 1",
    ]
