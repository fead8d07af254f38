"""Invalid values of doitstack's own settings."""

from pathlib import Path

import pytest

from doitstack.config.bad_values import bad_values, restore_default
from doitstack.config.settings import load_settings


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("SERVICE_TIMEOUT", "long", "use a whole number, 0 or more"),
        ("ASYNC_JOBS", "-1", "use a whole number, 0 or more"),
        ("KEEP_RUNS", "1234567890", r"use a whole number up to 999999999"),
        ("ASYNC_JOBS", "9" * 20, "use a whole number up to 999999999"),
        ("ASYNC_JOBS", "4097", "use 4096 at most, or 0 for no limit"),
        ("HOST_IP", "300.1.1.1", "use an IP address or the name of a host"),
        ("SERVICE_HOST", "http://x", "use an IP address or the name of a host"),
        ("ASYNC_STRICT", "maybe", "use True or False"),
        ("DATA_DIR", "data", "use an absolute path"),
        ("LOGDIR", "", "use an absolute path"),
        ("SERVICE_IP_VERSION", "5", "use 4 or 6"),
    ],
)
def test_bad_value_is_named_with_its_line_and_has_a_default(
    tmp_path: Path, name: str, value: str, complaint: str
) -> None:
    conf = tmp_path / "local.conf"
    conf.write_text(f"[[local|localrc]]\n{name}={value}\nSTEP_TIMEOUT=x\n")
    settings = load_settings(tmp_path, {})
    found = {bad: str(error) for bad, error in bad_values(settings)}
    assert found == {
        name: f"{conf}:2: {name}={value}: {complaint}",
        "STEP_TIMEOUT": f"{conf}:3: STEP_TIMEOUT=x: use a whole number, 0 or more",
    }
    for bad, _ in bad_values(settings):
        restore_default(settings, bad)
    assert dict(bad_values(settings)) == {}
    assert settings[name] == load_settings(tmp_path / "other", {})[name].replace("/other/", "/")
