"""Settings that are one slip away from a known name."""

from pathlib import Path

import pytest

from doitstack.config.settings import load_settings
from doitstack.planning.misspelt_settings import misspelt_settings, unset_in_sections
from doitstack.planning.plugin import Plugin


def in_environment(top: Path, *names: str, script: str = "", conf: str = "") -> list[str]:
    (top / "local.conf").write_text(f"[[local|localrc]]\n{conf}\n")
    settings = load_settings(top, dict.fromkeys(names, "s3cret-value"))
    settings.default("GLANCE_SERVICE_PORT", "9292")
    return list(misspelt_settings(settings, (), [script]))


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("ADMIN_PASSWROD", "ADMIN_PASSWORD"),
        ("ASYNC_JOB", "ASYNC_JOBS"),
        ("DEVSTACK_PARALEL", "DEVSTACK_PARALLEL"),
        ("WARNINGS_AS_ERROR", "WARNINGS_AS_ERRORS"),
        ("EANBLED_SERVICES", "ENABLED_SERVICES"),
        ("GLANCE_SERVICE_PROT", "GLANCE_SERVICE_PORT"),
    ],
)
def test_variable_similar_to_a_setting_is_a_warning_without_its_value(
    tmp_path: Path, name: str, near: str
) -> None:
    assert in_environment(tmp_path, name) == [
        f"environment: nothing uses {name}; did you mean {near}?"
    ]


def test_variables_of_other_programs_are_no_warning(tmp_path: Path) -> None:
    others = (
        *("HOST_IPS", "HOST_IPV4", "DATA_DIRS", "XDG_DATA_DIRS", "DATABASE_URL", "LOG_DIR"),
        *("SERVICE_PORT", "RABBITMQ_PORT", "TOPDIR", "ASYNCJOBS", "ADMIN_PASSWORD"),
        *("GLANCE_SERVICE_PORT", "KEYSTONE_PORT", "KUBERNETES_SERVICE_HOST"),
    )
    assert in_environment(tmp_path, *others) == []


@pytest.mark.parametrize(
    ("script", "conf"), [("echo $ASYNC_JOB", ""), ("", "ASYNC_JOBS=${ASYNC_JOB:-3}")]
)
def test_variable_that_a_script_or_the_users_file_uses_is_no_warning(
    tmp_path: Path, script: str, conf: str
) -> None:
    assert in_environment(tmp_path, "ASYNC_JOB", script=script, conf=conf) == []


def warnings(top: Path, lines: str, script: str = "", *plugins: Plugin) -> list[str]:
    (top / "local.conf").write_text(f"[[local|localrc]]\n{lines}\n")
    settings = load_settings(top, {})
    settings.default("GLANCE_SERVICE_PORT", "9292")
    return list(misspelt_settings(settings, plugins, [script]))


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("ADMIN_PASSWROD", "ADMIN_PASSWORD"),
        ("ASYNC_JOB", "ASYNC_JOBS"),
        ("HOSTT_IP", "HOST_IP"),
        ("GLANCE_SERVICE_PROT", "GLANCE_SERVICE_PORT"),
        ("OFLINE", "OFFLINE"),
        ("MY_SETTINGS", "MY_SETTING"),
    ],
)
def test_name_similar_to_a_known_one_is_a_warning(tmp_path: Path, name: str, near: str) -> None:
    assert warnings(tmp_path, f"\n{name}=3", "echo $MY_SETTING") == [
        f"{tmp_path}/local.conf:3: nothing uses {name}; did you mean {near}?"
    ]


@pytest.mark.parametrize(
    "lines",
    [
        "ADMIN_PASSWORD=x\nASYNC_JOBS=1\nGLANCE_SERVICE_PORT=1",
        "MY_OWN=x",
        "HOST_IPV6=::1\nFIXED_RANGE_V6=::/64",
        "ASYNC_JOB=3\nASYNC_JOBS=$ASYNC_JOB",
        "ASYNC_JOB=3\nASYNC_JOBS=${ASYNC_JOB}",
    ],
)
def test_known_used_or_dissimilar_name_is_no_warning(tmp_path: Path, lines: str) -> None:
    assert warnings(tmp_path, lines) == []


def test_short_names_are_no_slips(tmp_path: Path) -> None:
    assert warnings(tmp_path, "NAME=x\nPORT=1", "echo $NAME $NAMES $PORTS") == []


def test_names_in_modules_of_plugins_are_known(tmp_path: Path) -> None:
    module = tmp_path / "50-demo.py"
    module.write_text('settings.get("ASYNC_JOB")\n')
    plugin = Plugin("demo", "here", modules=(module,))
    assert warnings(tmp_path, "ASYNC_JOB=3", "", plugin) == []


@pytest.mark.parametrize(
    ("header", "near"),
    [
        ("$NOVA_CNF", "NOVA_CONF"),
        ("/etc/${CINDER_CNF}/a", "CINDER_CONF"),
        *(
            (name, "")
            for name in ("/$Q_PLUGIN_CONF_FILE", "$MINE", "$KEYSTONE_CONF", "$PLACEMENT_CONF")
        ),
        *((name, "") for name in ("$OF_SCRIPT/$HOME", "${A:-/etc/a}", "$ZEBRA_STRIPES")),
    ],
)
def test_misspelt_variable_of_a_section_is_warned_of(
    tmp_path: Path, header: str, near: str
) -> None:
    conf = tmp_path / "local.conf"
    conf.write_text(f"[[local|localrc]]\nMINE=/a\n[[post-config|{header}]]\n[a]\nb=c\n[[x|$X]]\n")
    settings = load_settings(tmp_path, {"HOME": "/root"})
    found = list(unset_in_sections(settings, conf, (), ["OF_SCRIPT=1", "NOVA_CONF=x"]))
    warning = f"[[post-config|{header}]]: {header} is undefined, so the section is not used"
    assert found == ([f"{conf}:3: {warning}; did you mean {near}?"] if near else [])
