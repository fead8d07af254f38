"""Python packages; those that are installed are made here, and need no network."""
# ruff: noqa: E501 - a line of bash stays a line

import os
import shutil

import pytest
from uv import find_uv_bin


@pytest.fixture
def uv(bash):
    """A fake uv that prints its arguments and creates directories like environments."""
    bash.program(
        "uv",
        '[[ $1 == venv ]] && mkdir -p "${@: -1}/bin" && ln -s /bin/true "${@: -1}/bin/python"; echo "uv $*"',
    )
    return bash


def _asked(bash, script: str) -> list[str]:
    dest = bash.env["DEST"]
    prefix = f"uv pip install --quiet --python {dest}/venvs/stack/bin/python "
    lines = [line.removeprefix(prefix) for line in bash(script).lines if " venv " not in line]
    return [line for line in lines if "pyuwsgi" not in line]


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("pip_install a 'b>=1'", "a b>=1"),
        ("pip_install -U --user a", "-U a"),
        ("pip_install --ignore-installed a", "--reinstall a"),
        ("PIP_UPGRADE=yes; pip_install a", "--upgrade a"),
        ("UPPER_CONSTRAINTS_FILE=/c.txt; pip_install a", "--constraint /c.txt a"),
        ("pip_install_gr a", "a"),
        ("pip_install_gr_extras a x,y", "a[x,y]"),
        ("mkdir p; setup_develop p", "-e {pwd}/p"),
        ("mkdir p; setup_develop p x,y", "-e {pwd}/p[x,y]"),
        ("mkdir p; setup_install p", "{pwd}/p"),
        ("setup_package /p", "/p"),
        ("setup_package /p -e", "-e /p"),
        ("setup_package /p x", "/p[x]"),
        ("setup_package /p -e x", "-e /p[x]"),
        ("mkdir p; GITDIR[n]=p; setup_dev_lib n", "-e {pwd}/p"),
        ("mkdir p; GITDIR[n]=p; setup_lib n", "{pwd}/p"),
        (
            "mkdir p; touch p/bindep.txt; install_package() { :; }; setup_develop -bindep p",
            "-e {pwd}/p",
        ),
    ],
)
def test_uv_commands(uv, script: str, arguments: str) -> None:
    assert _asked(uv, script) == [arguments.format(pwd=uv.path)]


def test_uv_is_not_called_offline_or_without_packages(uv) -> None:
    assert uv.says("OFFLINE=True; pip_install a; pip_uninstall a; OFFLINE=False; pip_install") == ""


def test_packages_may_go_elsewhere(uv) -> None:
    script = "mkdir -p v/bin; touch v/bin/python; chmod +x v/bin/python; PIP_VIRTUAL_ENV=v; pip_install a; pip_uninstall a; get_python_exec_prefix"
    assert uv(script).lines == [
        "uv pip install --quiet --python v/bin/python a",
        "uv pip uninstall --quiet --python v/bin/python a",
        "v/bin",
    ]


def test_uv_is_found_by_variable_path_or_our_python(bash) -> None:
    bash.program("mine", 'echo "mine $*"')
    assert bash.says("UV=mine; _run_uv x") == "mine x"
    assert bash.says("PATH=; DOITSTACK_PYTHON=echo; _run_uv x") == "-m uv x"
    assert (
        "uv not found"
        in bash("type() { return 1; }; unset DOITSTACK_PYTHON; PATH=; _run_uv x", code=1).err
    )


def test_environment_has_the_packages_that_plugins_expect(uv) -> None:
    lines = uv("UPPER_CONSTRAINTS_FILE=/c.txt; pip_install a; pip_install b").lines
    python = f"{uv.env['DEST']}/venvs/stack/bin/python"
    assert len(lines) == 4
    assert lines[1] == (
        f"uv pip install --quiet --python {python} --constraint /c.txt "
        "pyuwsgi pymysql pymemcache python-memcached"
    )


def test_futures_make_the_environment_once(bash) -> None:
    """The second waits for the lock while the first makes it, and then finds it made."""
    os.mkfifo(bash.path / "asked")
    bash.program("flock", f'echo > asked & exec {shutil.which("flock")} "$@"')
    bash.program(
        "uv",
        "[[ $1 == venv ]] || exit 0; exec 3<> asked; read -r _ <&3; read -r _ <&3\n"
        'echo made >> log; mkdir -p "${@: -1}/bin"; ln -s /bin/true "${@: -1}/bin/python"',
    )
    script = "pip_install a & pip_install b & wait; cat log; ls dest/venvs"
    assert bash(script).lines == ["made", "stack"]


def test_incomplete_environment_is_created_again(uv) -> None:
    stack = uv.path / "dest" / "venvs" / "stack"
    (stack / "bin").mkdir(parents=True)
    (stack / "bin" / "python").symlink_to("/bin/true")
    (stack / "half").touch()
    (uv.path / "dest" / "venvs" / "stack.making").touch()
    assert " venv " in uv("pip_install a").lines[0]
    assert sorted(path.name for path in stack.parent.iterdir()) == ["stack"]
    assert not (stack / "half").exists()


def test_a_failure_of_uv_is_one_of_pip_install(bash) -> None:
    bash.program("uv", "exit 3")
    assert bash.says("pip_install a || echo $?") == "3"


def test_requirements_are_read(uv) -> None:
    (uv.path / "r").mkdir()
    (uv.path / "r" / "global-requirements.txt").write_text(
        "# x\nPyMySQL-x\nPyMySQL>=0.7.6  # MIT\nb.c\nb!=2\n"
    )
    script = "REQUIREMENTS_DIR=r; get_from_global_requirements pymysql; get_version_constraints_from_global_requirements b"
    assert uv(script).lines == ["PyMySQL>=0.7.6", "!=2"]
    assert _asked(uv, "REQUIREMENTS_DIR=r; pip_install_gr b; pip_install_gr_extras b x") == [
        "b!=2",
        "b[x]!=2",
    ]
    assert (
        "Can't find package c"
        in uv("REQUIREMENTS_DIR=r; get_from_global_requirements c", code=1).err
    )


@pytest.mark.parametrize("made", [True, False], ids=["made by a run", "missing"])
def test_requirements_that_nobody_has_are_bare_names(uv, made: bool) -> None:
    if made:
        (uv.path / "r").mkdir()
        (uv.path / "r" / ".doitstack").touch()
        (uv.path / "r" / "global-requirements.txt").write_text("# none\n")
    script = "REQUIREMENTS_DIR=r; get_from_global_requirements c; get_version_constraints_from_global_requirements c"
    assert uv(script).lines == ["c", ""]


def test_a_project_from_its_source_is_not_constrained(uv) -> None:
    (uv.path / "c.txt").write_text("a===1\nMy.Lib===2\nb===3\n")
    (uv.path / "p").mkdir()
    (uv.path / "p" / "setup.cfg").write_text("[metadata]\nname = my_lib\n")
    script = "UPPER_CONSTRAINTS_FILE=$PWD/c.txt; setup_develop p > /dev/null; pip_install a"
    edited = uv.path / "dest" / ".constraints" / "c.txt"
    assert _asked(uv, script) == [f"--constraint {edited} a"]
    assert edited.read_text() == "a===1\nb===3\n"
    assert (uv.path / "c.txt").read_text() == "a===1\nMy.Lib===2\nb===3\n"


def test_requirements_project_constrains_what_scripts_install(uv) -> None:
    (uv.path / "r").mkdir()
    script = "REQUIREMENTS_DIR=$PWD/r; echo b===3 >> r/upper-constraints.txt; pip_install b"
    constraints = uv.path / "r" / "upper-constraints.txt"
    assert _asked(uv, script) == [f"--constraint {constraints} b"]
    assert _asked(uv, f"UPPER_CONSTRAINTS_FILE=/c.txt; {script}") == ["--constraint /c.txt b"]
    (uv.path / "p").mkdir()
    (uv.path / "p" / "pyproject.toml").write_text('name = "b"\n')
    later = f"REQUIREMENTS_DIR=$PWD/r; setup_develop p > /dev/null; {script}"
    edited = uv.path / "dest" / ".constraints" / "upper-constraints.txt"
    assert _asked(uv, later) == [f"--constraint {edited} b"]
    assert edited.read_text() == ""


@pytest.mark.parametrize(("libraries", "code"), [("a,b", 0), ("ALL", 0), ("ab", 1), ("", 1)])
def test_use_library_from_git(bash, libraries: str, code: int) -> None:
    bash(f"LIBS_FROM_GIT={libraries}; use_library_from_git a", code=code)


def test_lib_installed_from_git(bash) -> None:
    bash.program("uv", 'echo "my-lib==1.0"')
    bash("lib_installed_from_git My.Lib")
    bash("lib_installed_from_git other", code=1)
    assert (
        "not installed correct:  other"
        in bash("LIBS_FROM_GIT=my_lib,other; check_libs_from_git", code=1).err
    )


def test_a_real_project_is_installed_editable(bash) -> None:
    bash.env["UV"] = find_uv_bin()
    project = bash.path / "p"
    (project / "thing").mkdir(parents=True)
    (project / "thing" / "__init__.py").write_text("VALUE = 42\n")
    # a backend of its own, so that nothing has to be fetched
    (project / "pyproject.toml").write_text(
        '[project]\nname = "thing"\nversion = "1"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (project / "backend.py").write_text(BACKEND)
    script = """
    PIP_VIRTUAL_ENV=$PWD/v; _run_uv venv --quiet --offline v
    UV_OFFLINE=1 setup_develop p; v/bin/python -c 'import thing; print(thing.VALUE)'
    lib_installed_from_git thing; pip_uninstall thing; lib_installed_from_git thing || echo gone
    """
    assert bash(script).lines == ["42", "gone"]


BACKEND = """
import os, zipfile

def build_editable(directory, config_settings=None, metadata_directory=None):
    name = "thing-1-py3-none-any.whl"
    files = {
        "thing.pth": os.getcwd(),
        "thing-1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: thing\\nVersion: 1\\n",
        "thing-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    record = "".join(f"{file},,\\n" for file in [*files, "thing-1.dist-info/RECORD"])
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        for file, text in [*files.items(), ("thing-1.dist-info/RECORD", record)]:
            wheel.writestr(file, text)
    return name
"""


def test_small_functions(bash) -> None:
    script = """
    join_extras a b; python3_enabled; enable_python3_package x > /dev/null
    disable_python3_package x > /dev/null; [[ $(python_version) == python3.* ]]
    [[ $(python3_version) == python3.* ]]; get_pip_command
    """
    assert bash(script).lines == ["a,b", f"{bash.env['DEST']}/venvs/stack/bin/pip"]


def test_install_python_makes_the_environment(uv) -> None:
    assert (
        uv('install_python; echo "$PYTHON"').lines[-1] == f"{uv.env['DEST']}/venvs/stack/bin/python"
    )
