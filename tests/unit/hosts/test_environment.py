"""What is in the archive of this environment; tests/integration has the archive itself."""

import os
import sys

from doitstack.hosts.environment import KIND, _needed, _scripts_of


def test_distributions_are_those_that_doitstack_needs_and_no_more() -> None:
    names = {one.metadata["Name"].lower() for one in _needed("doitstack")}
    assert {"doitstack", "doit", "pluggy", "tabulate", "supervisor", "uv"} <= names
    assert not {"pytest", "mypy", "hypothesis"} & names


def test_scripts_find_their_interpreter_beside_them() -> None:
    (doit,) = _needed("doit", found={"cloudpickle", "importlib-metadata"})
    scripts = dict(_scripts_of(doit))
    text = scripts["bin/doit"]
    assert isinstance(text, bytes)
    assert text.startswith(b"#!/bin/sh\n")
    assert b"from doit.__main__ import main" in text


def test_kind_is_the_version_of_python_and_the_processor() -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"{version} {os.uname().machine}" == KIND
