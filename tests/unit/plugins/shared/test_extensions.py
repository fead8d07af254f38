"""Which packages of scripts a service sees."""

import subprocess
import sys
from pathlib import Path

import pytest

from doitstack_plugins.shared.extensions import hidden_modules, text_of_path_file


def put(packages: Path, name: str, version: str, *requires: str, modules: str = "") -> Path:
    """Put a package with a module of its name into a directory of packages."""
    info = packages / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    wanted = "".join(f"Requires-Dist: {one}\n" for one in requires)
    (info / "METADATA").write_text(f"Name: {name}\n{wanted}\nRequires-Dist: text<1\n")
    files = (modules or f"{name}/__init__.py").split()
    (info / "RECORD").write_text("".join(f"{file},sha256=x,1\n" for file in [*files, "../bin/x"]))
    for file in files:
        path = packages / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"origin = {packages.name!r}\n")
    return info


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """Return the directories of the scripts and of the service, which has cryptography 50."""
    own = tmp_path / "own"
    put(own, "cryptography", "50.0.2")
    return tmp_path / "shared", own


@pytest.mark.parametrize(
    ("requires", "is_hidden"),
    [
        ("cryptography <44,>=41.0.5", True),
        ("Cryptography (>=51)", True),
        ("cryptography>=41", False),
        ("cryptography", False),
        ("cryptography<44; python_version < '3'", False),
        ("cryptography<44; extra == 'docs'", False),
        ("something-else<44", False),
        ("not a requirement <", False),
    ],
)
def test_packages_that_refuse_the_services_versions_are_hidden(
    places: tuple[Path, Path], requires: str, *, is_hidden: bool
) -> None:
    shared, own = places
    put(shared, "pyOpenSSL", "24.2.1", requires, modules="OpenSSL/__init__.py OpenSSL/SSL.py")
    assert hidden_modules(shared, own) == (["OpenSSL"] if is_hidden else [])


def test_source_trees_are_as_the_user_wants(places: tuple[Path, Path]) -> None:
    shared, own = places
    (put(shared, "thing", "1", "cryptography<44") / "direct_url.json").touch()
    assert hidden_modules(shared, own) == []
    (own / "cryptography-50.0.2.dist-info" / "direct_url.json").touch()
    put(shared, "pyOpenSSL", "24.2.1", "cryptography<44")
    assert hidden_modules(shared, own) == []


def test_modules_that_others_have_too_stay(places: tuple[Path, Path]) -> None:
    shared, own = places
    put(own, "both", "2")
    put(own, "lone", "2", modules="lone.py")
    refused = "both/__init__.py lone.py spaced/a.py only.py six.cpython-311.so data/x.txt"
    put(shared, "refused", "1", "cryptography<44", modules=refused)
    put(shared, "fine", "1", modules="spaced/b.py")
    assert hidden_modules(shared, own) == ["data", "only", "six"]


def test_hidden_modules_do_not_exist_for_python(places: tuple[Path, Path]) -> None:
    shared, own = places
    put(shared, "refused", "1", "cryptography<44")
    put(shared, "fine", "1")
    (own / "a.pth").write_text(text_of_path_file(shared, hidden_modules(shared, own)))
    program = """
import site, sys
site.addsitedir(sys.argv[1])
import fine
try:
    import refused
except ModuleNotFoundError:
    print(fine.origin)
"""
    words = [sys.executable, "-c", program, str(own)]
    assert subprocess.check_output(words, text=True) == "shared\n"


def test_what_is_not_there_hides_nothing(places: tuple[Path, Path]) -> None:
    shared, own = places
    (shared / "broken-1.dist-info").mkdir(parents=True)
    (own / "odd-no version.dist-info").mkdir()
    assert hidden_modules(shared, own) == []
    assert hidden_modules(shared / "missing", own) == []
