"""Virtual environments: made by uv, believed only when whole. Nothing here needs a network."""

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from doitstack import venvs
from doitstack.bytecode_cache import BytecodeCache
from doitstack.errors import CommandError, SettingsError, StepError
from doitstack.source_trees import SourceTree
from doitstack.venvs import Environment, install, remove
from tests.unit.source_repository import make_repository, write_project


def run(argv: Sequence[str]) -> None:
    code = subprocess.run(argv, check=False).returncode
    if code:
        raise CommandError("program ended", code)


def wheel(directory: Path, name: str, version: str, *, needs: str = "") -> Path:
    """Write a wheel with one module; return its path."""
    path = directory / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + (f"Requires-Dist: {needs}\n" if needs else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for file, text in files.items():
        sum_ = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        record += f"{file},sha256={sum_.decode()},{len(text)}\n"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": record + f"{info}/RECORD,,\n"}.items():
            archive.writestr(file, text)
    return path


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """An environment whose packages come from a directory."""
    packages = tmp_path / "packages"
    packages.mkdir()
    wheel(packages, "sample", "1.0")
    wheel(packages, "sample", "2.0")
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("sample==1.0\n")
    monkeypatch.setenv("UV_FIND_LINKS", str(packages))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    return Environment(tmp_path / "venvs" / "a b", ("sample",), str(constraints))


def version_in(environment: Environment) -> str:
    command = [str(environment.python), "-c", "import sample; print(sample.version)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_install_makes_the_environment(environment: Environment) -> None:
    assert not environment.is_current()
    install(environment, run)
    assert environment.is_current()
    assert version_in(environment) == "1.0"
    log = environment.path.with_name("a b.log")
    assert oct(log.stat().st_mode & 0o777) == "0o600"


def test_install_obeys_changed_constraints(environment: Environment) -> None:
    install(environment, run)
    Path(environment.constraints).write_text("sample==2.0\n")
    assert not environment.is_current()
    install(environment, run)
    assert environment.is_current()
    assert version_in(environment) == "2.0"


def test_environment_is_not_current_for_other_requirements(environment: Environment) -> None:
    install(environment, run)
    assert not replace(environment, requirements=("sample", "more")).is_current()


def test_environment_is_not_current_at_another_place(environment: Environment) -> None:
    install(environment, run)
    moved = replace(environment, path=environment.path.with_name("moved"))
    environment.path.rename(moved.path)
    assert not moved.is_current()


def test_environment_is_not_current_when_its_python_is_gone(environment: Environment) -> None:
    install(environment, run)
    environment.python.unlink()
    assert not environment.is_current()
    environment.python.symlink_to("/nonexistent/python3")
    assert not environment.is_current()


def test_environment_is_not_current_when_its_python_is_broken(environment: Environment) -> None:
    install(environment, run)
    environment.python.unlink()
    environment.python.write_text("rubbish")
    environment.python.chmod(0o755)
    assert not environment.is_current()
    install(environment, run)
    assert environment.is_current()


@pytest.mark.parametrize("links", [True, False], ids=["link", "copy"])
def test_only_a_python_that_is_not_ours_is_tried(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    install(environment, run)
    started = []

    def start(command: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        started.append(command[0])
        version = sys.version.split()[0]
        return subprocess.CompletedProcess(command, 0, stdout=f"{version}\n", stderr="")

    if not links:
        python = environment.python.resolve()
        environment.python.unlink()
        shutil.copy(python, environment.python)
    monkeypatch.setattr(subprocess, "run", start)
    assert environment.is_current()
    assert started == ([] if links else [str(environment.python)])


def test_half_made_environment_is_not_believed(environment: Environment) -> None:
    install(environment, run)

    def killed_halfway(argv: Sequence[str]) -> None:
        if "install" in argv:
            raise KeyboardInterrupt
        run(argv)

    with pytest.raises(KeyboardInterrupt):
        install(environment, killed_halfway)
    assert not environment.is_current()


def test_stamp_comes_after_the_packages_are_on_disk(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bool, bool]] = []

    def sync_all(path: Path) -> None:
        assert path == environment.path.parent
        seen.append((version_in(environment) == "1.0", environment.stamp.exists()))

    monkeypatch.setattr(venvs, "sync_file_system", sync_all)
    install(environment, run)
    assert seen == [(True, False)]
    assert environment.stamp.exists()


def test_missing_version_is_reported(environment: Environment) -> None:
    with pytest.raises(StepError, match=r"cannot install sample==3 .*") as caught:
        install(replace(environment, requirements=("sample==3",)), run)
    # The first line stands alone in the last words of a run.
    first, says, *reason = str(caught.value).splitlines()
    assert "UPPER_CONSTRAINTS_FILE" in first
    assert first.endswith("then run it again")
    assert says == "uv says:"
    assert "sample==3" in "".join(reason)
    assert not environment.is_current()


def test_missing_wheel_is_reported(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "packages" / "sourced-1.0.tar.gz").write_bytes(b"")
    with pytest.raises(StepError, match="cannot install sourced"):
        install(replace(environment, requirements=("sourced",)), run)


def test_missing_constraints_are_named(environment: Environment) -> None:
    with pytest.raises(SettingsError, match=r"/none/c.txt.*UPPER_CONSTRAINTS_FILE"):
        replace(environment, constraints="/none/c.txt").is_current()


def test_constraints_by_url_count_as_unchanged(environment: Environment) -> None:
    by_url = replace(environment, constraints="https://example.invalid/c.txt")
    assert by_url.digest() == replace(by_url).digest() != environment.digest()


def test_remove_leaves_nothing_and_may_be_repeated(environment: Environment) -> None:
    install(environment, run)
    remove(environment)
    remove(environment)
    assert list(environment.path.parent.iterdir()) == []


@dataclass
class Recorder:
    """Runs programs, and records the arguments of `uv pip install`."""

    installs: list[Sequence[str]] = field(default_factory=list)

    def __call__(self, argv: Sequence[str]) -> None:
        if "install" in argv:
            self.installs.append(argv)
        run(argv)

    @property
    def are_offline(self) -> list[bool]:
        return ["--offline" in argv for argv in self.installs]


def test_pinned_environment_needs_no_index_if_uv_has_its_packages(environment: Environment) -> None:
    recorder = Recorder()
    install(replace(environment, is_pinned=True), recorder)
    assert recorder.are_offline == [True]
    assert environment.is_current()
    assert version_in(environment) == "1.0"


def test_index_is_used_for_packages_that_uv_does_not_have(environment: Environment) -> None:
    recorder = Recorder()

    def without_cache(argv: Sequence[str]) -> None:
        recorder.installs += [argv] if "install" in argv else []
        if "--offline" in argv:
            raise CommandError("program ended", 1)
        run(argv)

    install(replace(environment, is_pinned=True), without_cache)
    assert recorder.are_offline == [True, False]
    assert version_in(environment) == "1.0"


def test_index_is_always_used_if_it_may_have_a_better_version(environment: Environment) -> None:
    recorder = Recorder()
    install(environment, recorder)
    assert recorder.are_offline == [False]


@pytest.fixture
def hashed(environment: Environment) -> Environment:
    """The environment, with constraints that have the hashes of its packages."""
    file = Path(environment.constraints)
    file.write_text(_pin(file.with_name("packages") / "sample-1.0-py3-none-any.whl"))
    return replace(environment, is_pinned=True)


def _pin(file: Path) -> str:
    name, version = file.name.removesuffix(".tar.gz").split("-")[:2]
    return (
        f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"
    )


def test_package_with_the_hash_of_the_constraints_is_installed(hashed: Environment) -> None:
    install(hashed, run)
    assert version_in(hashed) == "1.0"


def test_package_that_has_changed_is_refused(hashed: Environment, tmp_path: Path) -> None:
    wheel(tmp_path / "packages", "sample", "1.0", needs="nothing; sys_platform == 'none'")
    with pytest.raises(StepError, match="Hash mismatch"):
        install(hashed, run)
    assert not hashed.is_current()


def test_dependency_without_a_hash_is_refused(hashed: Environment, tmp_path: Path) -> None:
    wheel(tmp_path / "packages", "more", "1.0")
    needs_more = wheel(tmp_path / "packages", "sample", "1.0", needs="more")
    Path(hashed.constraints).write_text(_pin(needs_more))
    with pytest.raises(StepError, match=r"(?i)hash"):
        install(hashed, run)


def test_build_dependency_that_has_changed_is_refused(hashed: Environment, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    source = packages / "sourced-1.0.tar.gz"
    build = '[build-system]\nrequires = ["sample"]\nbuild-backend = "sample"\n'
    with tarfile.open(source, "w:gz") as archive:
        (tmp_path / "pyproject.toml").write_text(build)
        archive.add(tmp_path / "pyproject.toml", "sourced-1.0/pyproject.toml")
    with Path(hashed.constraints).open("a") as file:
        file.write(_pin(source))
    wheel(packages, "sample", "1.0", needs="nothing; sys_platform == 'none'")
    with pytest.raises(StepError, match="Hash mismatch"):
        install(replace(hashed, requirements=("sourced",), sources=("sourced",)), run)


def test_requirement_that_the_constraints_lack_is_installed(
    hashed: Environment, tmp_path: Path
) -> None:
    wheel(tmp_path / "packages", "more", "1.0")
    install(replace(hashed, requirements=("sample", "more")), run)
    assert version_in(hashed) == "1.0"


def test_offline_error_advises_to_fill_the_cache(environment: Environment) -> None:
    # The fixture sets UV_OFFLINE.
    with pytest.raises(StepError, match=r"look at uv's cache, .*OFFLINE is set"):
        install(replace(environment, requirements=("nowhere",), is_pinned=True), run)


def test_packages_are_links_unless_the_user_chose_otherwise(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_LINK_MODE", raising=False)
    module = environment.site_packages / "sample.py"
    install(environment, run)
    assert module.stat().st_nlink > 1
    monkeypatch.setenv("UV_LINK_MODE", "copy")
    install(environment, run)
    assert module.stat().st_nlink == 1


def test_contents_are_those_of_the_files_wherever_they_are(
    environment: Environment, tmp_path: Path
) -> None:
    assert environment.contents() == ""
    install(environment, run)
    second = replace(environment, path=tmp_path / "second")
    install(second, run)
    assert environment.contents() == second.contents() != ""
    install(replace(second, constraints=""), run)
    assert version_in(second) == "2.0"
    assert environment.contents() != second.contents()


def test_second_environment_of_uv_compiles_nothing(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.delenv("UV_LINK_MODE", raising=False)
    cache = BytecodeCache(tmp_path / "bytecode")
    install(environment, run)
    assert version_in(environment) == "1.0"
    assert cache.keep(environment.site_packages) > 0
    remove(environment)

    second = replace(environment, path=tmp_path / "second")
    install(second, run)
    cache.restore(second.site_packages)
    (compiled,) = second.site_packages.glob("__pycache__/sample.*.pyc")
    inode = compiled.stat().st_ino
    assert version_in(second) == "1.0"
    assert compiled.stat().st_ino == inode, "Python has written it again"


@pytest.fixture
def with_tree(environment: Environment, tmp_path: Path) -> Environment:
    """The environment, with a tree of its package."""
    directory = make_repository(tmp_path / "a tree")
    return replace(environment, trees=(SourceTree("sample", "sample", directory, "", ""),))


def answer_in(environment: Environment) -> str:
    command = [environment.program("sample")]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def again(environment: Environment) -> Environment:
    """Return the environment as another run sees it, which reads its trees anew."""
    return replace(environment, trees=tuple(replace(tree) for tree in environment.trees))


def test_tree_takes_the_place_of_its_wheel(with_tree: Environment) -> None:
    assert not with_tree.is_current()
    install(with_tree, run)
    assert with_tree.is_current()
    assert answer_in(with_tree) == "first"
    tree = with_tree.trees[0].directory
    (tree / "sample" / "answer.py").write_text("ANSWER = 'second'\n")
    assert answer_in(with_tree) == "second"
    assert again(with_tree).is_current()
    link = with_tree.path / "etc" / "sample" / "paste.ini"
    assert link.readlink() == tree / "etc" / "paste.ini"


def test_changed_metadata_install_the_tree_alone(with_tree: Environment) -> None:
    install(with_tree, run)
    digest, stamp = with_tree.digest(), with_tree.stamp.stat().st_mtime_ns
    metadata = with_tree.trees[0].directory / "pyproject.toml"
    metadata.write_text(metadata.read_text().replace("sample = ", 'another = "sample.cli:main"\n#'))
    later = again(with_tree)
    assert not later.is_current()
    install(later, run)
    assert later.is_current()
    assert later.digest() != digest
    assert later.stamp.stat().st_mtime_ns == stamp
    assert Path(later.program("another")).exists()


def test_without_its_tree_the_wheel_comes_back(
    environment: Environment, with_tree: Environment
) -> None:
    install(with_tree, run)
    assert not environment.is_current()
    install(environment, run)
    assert environment.is_current()
    assert version_in(environment) == "1.0"


def test_tree_of_a_library_is_installed_where_that_is_used(
    with_tree: Environment, tmp_path: Path
) -> None:
    wheel(tmp_path / "packages", "needy", "1.0", needs="sample")
    user = replace(with_tree, path=tmp_path / "venvs" / "user", requirements=("needy",))
    install(user, run)
    assert answer_in(user) == "first"
    wheel(tmp_path / "packages", "lonely", "1.0")
    other = replace(with_tree, path=tmp_path / "venvs" / "other", requirements=("lonely",))
    install(other, run)
    assert other.is_current()
    assert other.installed_trees.used() == []


def test_trees_are_built_for_one_environment_at_a_time(with_tree: Environment) -> None:
    building, at_once = list[int](), list[int]()

    def watched(argv: Sequence[str]) -> None:
        is_build = "--editable" in argv
        building.extend([1] * is_build)
        at_once.extend([len(building)] * is_build)
        run(argv)
        del building[len(building) - is_build :]

    others = [replace(with_tree, path=with_tree.path.with_name(name)) for name in ("b", "c")]
    threads = [threading.Thread(target=install, args=(one, watched)) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert at_once == [1, 1]
    assert [answer_in(one) for one in others] == ["first", "first"]


def test_tree_with_another_version_than_the_constraints_is_installed(
    with_tree: Environment,
) -> None:
    metadata = with_tree.trees[0].directory / "pyproject.toml"
    metadata.write_text(metadata.read_text().replace('"1.0"', '"7.0"'))
    install(with_tree, run)
    assert with_tree.is_current()


def test_broken_tree_is_named_with_uvs_reason(with_tree: Environment) -> None:
    directory = with_tree.trees[0].directory
    (directory / "build_it.py").write_text("raise ValueError('of the user')\n")
    with pytest.raises(StepError) as raised:
        install(with_tree, run)
    assert f"cannot install the source tree {directory} into" in str(raised.value)
    assert "of the user" in str(raised.value)
    assert not with_tree.is_current()


def needing(made: Environment, *requirements: str) -> Path:
    """Let the tree require these; return the directory of packages."""
    metadata = made.trees[0].directory / "pyproject.toml"
    text = metadata.read_text().replace("dependencies = []", f"dependencies = {[*requirements]}")
    metadata.write_text(text)
    packages = Path(made.constraints).with_name("packages")
    for name, version in (("helper", "1.0"), ("helper", "2.0"), ("tool", "1.0"), ("tool", "2.0")):
        wheel(packages, name, version)
    Path(made.constraints).write_text("sample==1.0\nhelper==1.0\ntool==1.0\n")
    return packages


def test_pins_give_way_to_what_a_tree_needs_and_are_named(with_tree: Environment) -> None:
    needing(with_tree, "helper>=2", "tool")
    warnings: list[str] = []
    made = replace(with_tree, is_pinned=True)
    install(made, run, warnings.append)
    assert made.is_current()
    names = {path.name for path in made.site_packages.glob("*.dist-info")}
    assert names >= {"helper-2.0.dist-info", "tool-1.0.dist-info"}
    assert warnings == [
        f"the source tree {made.trees[0].directory} needs other versions than those that are "
        "pinned: helper 2.0 (not 1.0)"
    ]


def test_constraints_of_the_user_do_not_give_way(with_tree: Environment) -> None:
    needing(with_tree, "helper>=2")
    with pytest.raises(StepError, match=r"helper>=2 and helper==1\.0"):
        install(with_tree, run)


def test_constraints_of_the_user_may_have_versions_without_wheels(
    environment: Environment, tmp_path: Path
) -> None:
    project = write_project(tmp_path / "sdist-3.0", "sdist", "3.0")
    with tarfile.open(tmp_path / "packages" / "sdist-3.0.tar.gz", "w:gz") as archive:
        archive.add(project, "sdist-3.0")
    made = replace(environment, requirements=("sdist",))
    install(made, run)
    assert (made.site_packages / "sdist-3.0.dist-info").is_dir()
    with pytest.raises(StepError, match="no usable wheels"):
        install(replace(made, is_pinned=True), run)


def test_tree_that_nothing_can_satisfy_is_named_with_the_first_reason(
    with_tree: Environment,
) -> None:
    needing(with_tree, "helper>=3")
    with pytest.raises(StepError, match=r"helper>=3"):
        install(replace(with_tree, is_pinned=True), run)


def test_constraints_of_a_url_are_read_for_trees(with_tree: Environment) -> None:
    constraints = Path(with_tree.constraints)
    made = replace(with_tree, constraints=constraints.as_uri())
    install(made, run)
    assert answer_in(made) == "first"
    (made.trees[0].directory / "requirements.txt").touch()
    constraints.unlink()
    with pytest.raises(SettingsError, match="cannot read the constraints file:///"):
        install(again(made), run)


def test_remove_removes_the_constraints_of_trees(with_tree: Environment) -> None:
    install(with_tree, run)
    remove(with_tree)
    assert list(with_tree.path.parent.iterdir()) == []
