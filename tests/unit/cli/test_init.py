"""`python -m doitstack init`."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from doitstack.__main__ import main
from doitstack.cli import init
from doitstack.cli.init import stack_directory_files
from doitstack.errors import SettingsError
from tests.conftest import CHECKOUT, DOIT, clean_environment
from tests.ports import free_port
from tests.unit.another_user import give_away


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def test_init_makes_a_stack_directory_that_works(tmp_path: Path) -> None:
    directory = tmp_path / "my stack"
    assert main(["init", str(directory)]) == 0
    assert files(directory) == {
        *("dodo.py", "doit.cfg", "functions", "openrc", "stackrc"),
        *("extras.d/README", "extras.d/80-tempest.py"),
    }

    environ = clean_environment(KEYSTONE_SERVICE_PORT=str(free_port()))
    listed = subprocess.run(
        [DOIT, "plan"], cwd=directory, env=environ, capture_output=True, text=True, check=True
    ).stdout
    assert "install_keystone" in listed
    assert "install_tempest" in listed


def test_functions_are_the_library(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path)]) == 0
    script = "source ./functions; source ./functions; iniset f.ini a x 1; iniget f.ini a x"
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        env=clean_environment(DOITSTACK_PYTHON=sys.executable),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"


def test_init_does_not_change_existing_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dodo.py").write_text("from doitstack.dodo import *  # mine\n")
    assert main(["init", str(tmp_path)]) == 0
    assert "dodo.py" not in capsys.readouterr().out
    assert "# mine" in (tmp_path / "dodo.py").read_text()


@pytest.mark.parametrize("name", ["dodo.py", "doit.cfg"])
def test_init_changes_no_directory_of_other_tasks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / name).write_text("# other tasks\n")
    assert main(["init", str(tmp_path)]) == 3
    assert capsys.readouterr().err == (
        f"ERROR: {tmp_path}/{name} is not a file of a stack directory; choose another directory\n"
    )
    assert files(tmp_path) == {name}


def test_init_reports_why_it_cannot_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["init", str(tmp_path / "file")]) == 3
    assert capsys.readouterr().err == (
        f"ERROR: {tmp_path}/file cannot be made a stack directory: File exists: {tmp_path}/file\n"
    )


def test_init_prints_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{own}:{os.defpath}")
    main(["init", str(tmp_path / "a b")])
    assert capsys.readouterr().out.splitlines()[-1] == f"now: cd '{tmp_path}/a b' && doit stack"

    monkeypatch.setenv("PATH", os.defpath)
    main(["init", str(tmp_path / "a b")])
    assert capsys.readouterr().out == f"now: cd '{tmp_path}/a b' && {own}/doit stack\n"


def test_wheel_has_the_files_of_a_stack_directory(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
    )
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    subprocess.run(
        [sys.executable, "-P", "-m", "doitstack", "init", str(tmp_path / "stack")],
        env=clean_environment(PYTHONPATH=str(tmp_path / "site")),
        capture_output=True,
        check=True,
    )
    made = {name: (tmp_path / "stack" / name).read_text() for name in files(tmp_path / "stack")}
    assert made == stack_directory_files()


def test_init_adds_commands_to_an_older_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "doit.cfg").write_text("[COMMAND]\nrun = doitstack.commands:Run\nmine = x:Y\n")
    assert main(["init", str(tmp_path)]) == 0
    lines = (tmp_path / "doit.cfg").read_text().splitlines()
    assert lines.count("run = doitstack.commands:Run") == 1
    assert {"help = doitstack.commands:Help", "mine = x:Y"} <= set(lines)
    assert f"added commands to {tmp_path}/doit.cfg" in capsys.readouterr().out


def test_init_fills_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "doit.cfg").touch()
    assert main(["init", str(tmp_path)]) == 0
    assert "doitstack.commands:Run" in (tmp_path / "doit.cfg").read_text()


@pytest.mark.parametrize("name", ["dodo.py", "extras.d", "doit.cfg"])
def test_init_follows_no_link_of_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    link = tmp_path / "top" / name
    link.parent.mkdir()
    link.symlink_to(tmp_path / "mine")
    give_away(link, monkeypatch)
    with pytest.raises(SettingsError, match=f"^{link} is a link of another user; choose another"):
        init.main([str(link.parent)])
    assert os.listdir(tmp_path) == ["top"]


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_init_makes_nothing_where_others_could_change_it(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(SettingsError, match=f"^other users can change {tmp_path}; choose another"):
        init.main([str(tmp_path)])
    assert os.listdir(tmp_path) == []


def test_openrc_of_another_dest_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "openrc").write_text(stack_directory_files()["openrc"])
    sourced = ["bash", "-c", 'source ./openrc admin admin && echo "$WHO"']

    def said(**environ: str) -> tuple[int, str]:
        answer = subprocess.run(
            sourced,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return answer.returncode, answer.stdout

    assert said() == (
        1,
        "openrc: there is no ./.stack/openrc; run doit stack, or set DEST as in local.conf\n",
    )
    (tmp_path / "dest").mkdir()
    (tmp_path / "dest" / "openrc").write_text('WHO="$1 of $2"\n')
    assert said(DEST=str(tmp_path / "dest")) == (0, "admin of admin\n")


def test_link_of_another_user_above_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    tmp_path.chmod(0o1777)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "home")
    give_away(link, monkeypatch)
    with pytest.raises(SettingsError, match=f"{link} belongs to another user"):
        init.main([str(link / "stack")])
    assert not list((tmp_path / "home").iterdir())
