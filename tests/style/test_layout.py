"""Modules are short, and tests mirror them: each module has a test module of its own."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests" / "unit"
PACKAGES = {
    ROOT / "core" / "doitstack": UNIT,
    ROOT / "core" / "fork_server": UNIT / "fork_server",
    ROOT / "plugins" / "doitstack_plugins": UNIT / "plugins",
}

MOST_LINES = 350


def _modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted(package.rglob("*.py"))]


def _is_code(path: Path) -> bool:
    """Return whether a module has more than imports, constants and a docstring."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(isinstance(node, kinds) for node in ast.parse(path.read_text()).body)


def _tests_of(path: Path, package: Path) -> Path:
    name = f"test_{path.stem.strip('_')}.py"
    return PACKAGES[package] / path.relative_to(package).with_name(name)


TESTS = {
    str(path.relative_to(ROOT)): _tests_of(path, package)
    for package in PACKAGES
    for path in sorted(package.rglob("*.py"))
    if path.name != "__init__.py" and _is_code(path)
}


def test_each_module_has_a_test_module() -> None:
    assert [module for module, tests in TESTS.items() if not tests.is_file()] == []


def test_each_test_module_has_tests() -> None:
    files = [tests for tests in TESTS.values() if tests.is_file()]
    assert [str(tests) for tests in files if "def test_" not in tests.read_text()] == []


def test_no_module_is_long() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in _modules()}
    assert [f"{path}: {lines[path]}" for path in lines if lines[path] > MOST_LINES] == []
