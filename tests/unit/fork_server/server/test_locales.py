"""What Python would choose in an environment, compared with what it does choose there."""

import subprocess
import sys

import pytest

from fork_server.server.locales import language, stream_settings

PROBE = "import os, sys; print(sys.stdin.encoding, sys.stdin.errors, os.environ.get('LC_CTYPE'))"


@pytest.mark.parametrize(
    "variables",
    [{}, {"LANG": "C"}, {"LANG": "C.UTF-8"}, {"LC_CTYPE": "C.UTF-8"}, {"LC_ALL": "C.UTF-8"}],
    ids=str,
)
def test_the_choice_is_that_of_python(variables: dict[str, str]) -> None:
    # The server's environment is unlike all of these, so nothing is taken from it.
    found = stream_settings(variables, {"LANG": "another"})
    assert found
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=variables, capture_output=True, text=True, check=True
    )
    ctype = found.coerced or variables.get("LC_CTYPE")
    assert done.stdout == f"{found.encoding} {found.errors} {ctype}\n"


def test_a_fork_cannot_change_to_another_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fork_server.server.locales._codeset", lambda name: "ISO-8859-1")
    assert stream_settings({"LANG": "de_DE"}, {}) is None


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "de_DE.UTF-8"}, "de_DE.UTF-8"),
        ({"LC_ALL": "fr_FR", "LANGUAGE": "de"}, "de"),
    ],
)
def test_language_is_that_of_the_first_variable(variables: dict[str, str], expected: str) -> None:
    assert language(variables) == expected
