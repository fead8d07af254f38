"""Reads of the environment are recorded with the module that is being imported."""

import importlib
import os
import sys
from pathlib import Path

import pytest

from fork_server.server.environment_reads import EVERYTHING, WORKING_DIRECTORY, recorded_reads

MODULES = {
    "reads_one": "import os\nos.environ.get('ONE')\nos.getenv('TWO')\n",
    "reads_all": "import os\ndict(os.environ)\n",
    "reads_place": "import os\nos.getcwd()\n",
    "reads_later": "import os\ndef later(): return os.environ.get('LATER')\n",
}


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("modules")
def test_each_read_names_its_module() -> None:
    with recorded_reads() as reads:
        for name in MODULES:
            importlib.import_module(name)
    found = {name: who & MODULES.keys() for name, who in reads.items()}
    assert found["ONE"] == found["TWO"] == {"reads_one"}
    assert found[EVERYTHING] == {"reads_all"}
    assert found[WORKING_DIRECTORY] == {"reads_place"}
    assert "LATER" not in found


def test_nothing_is_recorded_afterwards() -> None:
    plain, getcwd = type(os.environ), os.getcwd
    with recorded_reads() as reads:
        assert type(os.environ) is not plain
    assert type(os.environ) is plain
    assert os.getcwd is getcwd
    before = dict(reads)
    os.environ.get("ANOTHER")
    assert reads == before
