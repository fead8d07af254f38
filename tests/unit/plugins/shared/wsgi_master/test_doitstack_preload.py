"""What uWSGI's master imports: what the application needs and what needs nothing of its trees."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from doitstack_plugins.shared.uwsgi import MODULES

PACKAGES = {
    "tree/app.py": "import plain, uses_tree, package.part\nimport importlib\n"
    "importlib.import_module('in_turn')\nplain.load()\n",
    "tree/own.py": "",
    # It imports something of the trees only when it is called.
    "lib/plain.py": "import deep\ndef load():\n    import own\n",
    "lib/deep.py": "",
    "lib/uses_tree.py": "from own import __name__\n",
    "lib/through.py": "import uses_tree\n",
    "lib/package/__init__.py": "from . import part\n",
    "lib/package/part.py": "import through\n",
    "lib/package/other.py": "",
    "lib/in_turn.py": "try:\n    import unlisted\nexcept ImportError:\n    pass\n",
    "lib/unlisted.py": "raise SystemExit('must not be imported')\n",
}
LISTED = """
import sys
import doitstack_preload
names = ("app", "own", "plain", "deep", "uses_tree", "through", "package", "in_turn", "unlisted")
print(*(name for name in names if name in sys.modules))
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name, text in PACKAGES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def preloaded(place: Path, module: str = "app") -> list[str]:
    """Return the modules of the test that the master has imported."""
    paths = (MODULES, place / "tree", place / "lib")
    environ = {
        "PYTHONPATH": ":".join(map(str, paths)),
        "DOITSTACK_PRELOAD_MODULE": module,
        "DOITSTACK_PRELOAD_TREES": str(place / "tree"),
        "DOITSTACK_PRELOAD_LIST": str(place / "list.json"),
    }
    command = [sys.executable, "-c", LISTED]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_master_has_what_needs_nothing_of_the_trees(place: Path) -> None:
    (place / "lib" / "in_turn.py").unlink()
    (place / "lib" / "in_turn.py").touch()
    assert preloaded(place) == ["plain", "deep", "in_turn"]


def test_names_are_found_once(place: Path) -> None:
    (place / "lib" / "unlisted.py").write_text("")
    first = preloaded(place)
    names = json.loads((place / "list.json").read_text())
    assert {"plain", "deep", "in_turn", "unlisted"} <= set(names)
    assert not {"app", "own", "uses_tree", "through", "package", "package.part"} & set(names)
    (place / "tree" / "app.py").write_text("raise SystemExit\n")
    assert preloaded(place) == first


def test_nothing_off_the_list_is_imported(place: Path) -> None:
    (place / "list.json").write_text(json.dumps(["plain", "deep", "in_turn", "gone"]))
    assert preloaded(place) == ["plain", "deep", "in_turn"]


def test_application_that_cannot_be_imported_leaves_the_master_alone(place: Path) -> None:
    (place / "tree" / "app.py").write_text("import plain\nsyntax error\n")
    assert preloaded(place) == []
    assert not (place / "list.json").exists()
