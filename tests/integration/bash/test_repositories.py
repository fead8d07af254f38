"""Plugin repositories in real runs: fetched, ordered, checked, sourced in their phases."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import DOIT, MakeStackDir, Outcome, StackDir, clean_environment
from tests.integration.bash.repositories import Repository, enabling, saying
from tests.integration.bash.scripts import install, said
from tests.integration.probes import plugin as python_plugin

pytestmark = pytest.mark.usefixtures("served_runs")


@pytest.fixture
def demo(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "git" / "demo", saying("from main"))


def refused(stack: StackDir) -> Outcome:
    """Return the outcome of a stack with a mistake that is found before anything runs."""
    outcome = stack.run("stack").failed(3)
    assert not [line for line in outcome.lines if line.startswith("==> ")]
    assert "Traceback" not in outcome.out
    return outcome


def plugins_of(tmp_path: Path, **files: dict[str, str]) -> list[str]:
    """Make repositories of these files, and return the lines that enable them."""
    made = [Repository(tmp_path / "git" / name, content) for name, content in files.items()]
    return [f"enable_plugin {one.path.name} {one.url}" for one in made]


# -- fetching --------------------------------------------------------------------------------------


def test_plugin_is_cloned_once_and_not_updated(stack_dir: MakeStackDir, demo: Repository) -> None:
    stack = stack_dir(enabling(f"enable_plugin demo {demo.url}"))
    first = stack.run("stack").ok()
    assert said(first) == [
        f"cloning plugin demo from {demo.url} to {stack.dest}/demo",
        "from main",
    ]
    script = stack.dest / "demo" / "devstack" / "plugin.sh"
    script.write_text(script.read_text().replace("main", "my own change"))
    demo.commit(saying("from later"))
    assert said(stack.run("stack", OFFLINE="True").ok()) == ["from my own change"]


@pytest.mark.parametrize("kind", ["branch", "tag", "commit"])
def test_plugin_is_taken_at_its_ref(stack_dir: MakeStackDir, demo: Repository, kind: str) -> None:
    commit = demo.commit(saying("from the ref"))
    demo.git("tag", "v1")
    demo.git("branch", "stable/x")
    demo.commit(saying("from later"))
    ref = {"branch": "stable/x", "tag": "v1", "commit": commit}[kind]
    stack = stack_dir(enabling(f"enable_plugin demo {demo.url} {ref}"))
    assert said(stack.run("stack").ok())[1:] == ["from the ref"]


def test_missing_plugin_is_refused_offline(stack_dir: MakeStackDir, demo: Repository) -> None:
    stack = stack_dir(enabling(f"enable_plugin demo {demo.url}", "OFFLINE=True"))
    outcome = refused(stack)
    assert f"plugin demo: {stack.dest}/demo does not exist, and OFFLINE" in outcome.out
    assert f"git clone {demo.url} {stack.dest}/demo" in outcome.out


@pytest.mark.parametrize("line", ["enable_plugin demo file:///nowhere/at/all", "REF"])
def test_plugin_that_cannot_be_fetched_is_refused_and_leaves_nothing(
    stack_dir: MakeStackDir, demo: Repository, line: str
) -> None:
    line = line.replace("REF", f"enable_plugin demo {demo.url} no-such-ref")
    stack = stack_dir(enabling(line))
    outcome = refused(stack)
    assert "plugin demo: cannot be fetched from file://" in outcome.out
    assert re.search(r": fatal: .*(does not appear to be a git rep|find remote ref)", outcome.out)
    assert "check its URL and REF in enable_plugin" in outcome.out
    assert [path.name for path in stack.dest.iterdir() if "demo" in path.name] == []


def test_reclone_brings_a_plugin_to_its_ref(stack_dir: MakeStackDir, demo: Repository) -> None:
    stack = stack_dir(enabling(f"enable_plugin demo {demo.url} main", "RECLONE=True"))
    stack.run("stack").ok()
    demo.commit(saying("from later"))
    assert said(stack.run("stack", OFFLINE="True").ok()) == ["from main"]
    assert said(stack.run("stack").ok()) == [
        f"fetching plugin demo from {demo.url} to {stack.dest}/demo",
        "from later",
    ]


def test_plan_names_a_plugin_that_is_not_fetched_yet(
    stack_dir: MakeStackDir, demo: Repository
) -> None:
    stack = stack_dir(enabling(f"enable_plugin demo {demo.url}"))
    warning = f"WARNING: plugin demo is not at {stack.dest}/demo yet; `doit stack` fetches it"
    assert warning in stack.run("plan").ok().lines
    assert warning not in stack.run("stack").ok().lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_while_a_plugin_is_cloned_leaves_nothing(
    stack_dir: MakeStackDir, tmp_path: Path, number: signal.Signals
) -> None:
    os.mkfifo(tmp_path / "started")
    git = (
        f'#!/bin/sh\nfor last; do :; done\nmkdir "$last"\necho >{tmp_path}/started\nexec sleep 60\n'
    )
    stack = stack_dir({"git": git, **enabling("enable_plugin demo file:///demo")})
    (stack.path / "git").chmod(0o755)
    process = stack.start("stack", PATH=f"{stack.path}:{stack.environ['PATH']}")
    (tmp_path / "started").read_text()
    process.send_signal(number)
    out, _ = process.communicate()
    assert process.returncode == 128 + number, out
    assert out.splitlines()[1:] == [f"Interrupted by {number.name}: nothing has run"]
    assert [path.name for path in stack.dest.iterdir() if "demo" in path.name] == []


def test_plugin_that_would_lie_in_a_directory_of_ours_is_refused(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(enabling("enable_plugin logs file:///logs"))
    outcome = refused(stack)
    assert (
        f"enable_plugin logs: doitstack uses {stack.dest}/logs; choose another name" in outcome.out
    )
    assert not stack.dest.exists()


def test_repository_without_devstack_is_refused(stack_dir: MakeStackDir, tmp_path: Path) -> None:
    lines = plugins_of(tmp_path, demo={"README": "no plugin\n"})
    outcome = refused(stack_dir(enabling(*lines)))
    assert "is not a DevStack plugin: it has no directory devstack" in outcome.out


def test_syntax_error_of_a_script_is_refused(stack_dir: MakeStackDir, tmp_path: Path) -> None:
    lines = plugins_of(tmp_path, demo={"devstack/plugin.sh": "echo fine\nif true; then\n"})
    stack = stack_dir(enabling(*lines))
    outcome = refused(stack)
    assert f"ERROR: {stack.dest}/demo/devstack/plugin.sh:3: syntax error" in outcome.out


def test_syntax_error_in_a_sourced_file_is_a_warning(
    stack_dir: MakeStackDir, tmp_path: Path
) -> None:
    lines = plugins_of(tmp_path, demo={**saying("hello"), "devstack/lib/demo": "f() {\n"})
    stack = stack_dir(enabling(*lines))
    outcome = stack.run("stack").ok()
    assert f"WARNING: {stack.dest}/demo/devstack/lib/demo:2: syntax error" in outcome.out


def test_function_that_is_not_provided_is_warned_of(
    stack_dir: MakeStackDir, tmp_path: Path
) -> None:
    script = 'if [[ "$2" == none ]]; then\n    start_ldap now\n    mine\nfi\nmine() { :; }\n'
    lines = plugins_of(tmp_path, demo={"devstack/plugin.sh": script})
    stack = stack_dir(enabling(*lines))
    outcome = stack.run("stack").ok()
    warning = (
        f"WARNING: {stack.dest}/demo/devstack/plugin.sh:2: start_ldap: "
        f"DevStack function that doitstack does not provide"
    )
    assert list(dict.fromkeys(line for line in outcome.lines if line.startswith("WARNING"))) == [
        warning
    ]
    assert warning.removeprefix("WARNING: ") in stack.run("plan").ok().out


def test_missing_file_of_devstacks_tree_is_a_warning(
    stack_dir: MakeStackDir, tmp_path: Path
) -> None:
    script = """\
        # source $TOP_DIR/lib/in-a-comment
        source $TOP_DIR/lib/mine
        if [[ "$2" == none ]]; then
            source $TOP_DIR/lib/neutron_plugins/ovs_base; . "${TOP_DIR}/openrc" admin admin
        fi
        """
    grenade = {"devstack/upgrade/resources.sh": "source $TOP_DIR/functions\n"}
    lines = plugins_of(tmp_path, demo={"devstack/plugin.sh": script, **grenade})
    stack = stack_dir({"lib/mine": ":\n", **enabling(*lines)})
    outcome = stack.run("stack").ok()
    place = f"WARNING: {stack.dest}/demo/devstack/plugin.sh:4:"
    assert list(dict.fromkeys(line for line in outcome.lines if line.startswith("WARNING"))) == [
        f"{place} lib/neutron_plugins/ovs_base of DevStack is not in $TOP_DIR; set "
        f"DEVSTACK_DIR to a checkout of it",
        f"{place} openrc of DevStack is not in $TOP_DIR; to write it: python -m doitstack init .",
    ]


# -- order -----------------------------------------------------------------------------------------


def test_plugins_come_in_their_order_after_extras_d(
    stack_dir: MakeStackDir, tmp_path: Path
) -> None:
    lines = plugins_of(tmp_path, zebra=saying("zebra"), ape=saying("ape"))
    stack = stack_dir({"extras.d/80-last.sh": install("echo extras"), **enabling(*lines)})
    assert said(stack.run("stack").ok())[2:] == ["extras", "zebra", "ape"]


def test_plugin_comes_after_its_requirements(stack_dir: MakeStackDir, tmp_path: Path) -> None:
    settings = {"devstack/settings": "define_plugin first\nplugin_requires first second\n"}
    lines = plugins_of(tmp_path, first=saying("first") | settings, second=saying("second"))
    # What is required is known once all are there, also where they have just been fetched.
    assert said(stack_dir(enabling(*lines)).run("stack").ok())[2:] == ["second", "first"]


def test_required_plugin_is_found_by_its_defined_name(
    stack_dir: MakeStackDir, tmp_path: Path
) -> None:
    first = {"devstack/settings": 'plugin_requires "one" "two"\n'}
    second = {"devstack/settings": "define_plugin two\n"}
    lines = plugins_of(tmp_path, first=saying("first") | first, second=saying("second") | second)
    assert said(stack_dir(enabling(*lines)).run("stack").ok())[2:] == ["second", "first"]


def test_missing_requirement_is_a_warning(stack_dir: MakeStackDir, tmp_path: Path) -> None:
    settings = {"devstack/settings": "# what it needs\nplugin_requires demo other\n"}
    lines = plugins_of(tmp_path, demo=saying("demo") | settings)
    stack = stack_dir(enabling(*lines))
    outcome = stack.run("stack").ok()
    assert "demo" in said(outcome)
    assert (
        f"WARNING: {stack.dest}/demo/devstack/settings:2: plugin demo requires plugin other, "
        f"which is not enabled; add enable_plugin other URL to local.conf"
    ) in outcome.lines


def test_cycle_of_requirements_is_refused(stack_dir: MakeStackDir, tmp_path: Path) -> None:
    lines = plugins_of(
        tmp_path,
        a=saying("a") | {"devstack/settings": "plugin_requires a b\n"},
        b=saying("b") | {"devstack/settings": "plugin_requires b a\n"},
    )
    outcome = refused(stack_dir(enabling(*lines)))
    assert "plugins require each other: " in outcome.out


# -- what is sourced when --------------------------------------------------------------------------


def test_files_of_a_plugin_are_sourced_in_their_phases(
    stack_dir: MakeStackDir, tmp_path: Path
) -> None:
    says = 'echo "${BASH_SOURCE[0]##*/}: $* in ${dir##*/}, mode $mode"\n'
    lines = plugins_of(
        tmp_path,
        demo={
            "devstack/override-defaults": says + "DEMO_PORT=${DEMO_PORT:-1}\n",
            "devstack/settings": says + "DEMO_PORT=${DEMO_PORT:-2}\ndemo() { echo $DEMO_PORT; }\n",
            "devstack/plugin.sh": says + '[[ "$2" != install ]] || demo\n',
        },
    )
    stack = stack_dir(enabling(*lines))
    assert said(stack.run("stack").ok())[1:] == [
        "override-defaults: override_defaults in demo, mode override_defaults",
        "settings: source in demo, mode source",
        "plugin.sh: stack pre-install in demo, mode stack",
        "plugin.sh: stack install in demo, mode stack",
        "1",
        "plugin.sh: stack post-config in demo, mode stack",
        "plugin.sh: stack extra in demo, mode stack",
        "plugin.sh: stack test-config in demo, mode stack",
    ]
    assert said(stack.run("unstack").ok())[2:] == ["plugin.sh: unstack in demo, mode unstack"]
    cleaned = said(stack.run("clean").ok())
    assert cleaned[2:] == [
        "plugin.sh: unstack in demo, mode unstack",
        "plugin.sh: clean in demo, mode clean",
    ]
    assert [path.name for path in stack.dest.iterdir()] == ["demo"], "the clone is the user's"


def test_service_enabled_by_settings_is_seen_by_hooks_of_later_phases(
    stack_dir: MakeStackDir, tmp_path: Path
) -> None:
    lines = plugins_of(
        tmp_path, demo={"devstack/settings": "enable_service demo-api\nDEMO_PORT=77\n"}
    )
    hooks = python_plugin("""
        @hookimpl
        def stack_install(stack):
            if stack.is_service_enabled("demo-api"):
                yield run(look)

        def look(stack):
            stack.say(f"port {stack.settings['DEMO_PORT']}")
    """)
    stack = stack_dir({"extras.d/50-look.py": hooks, **enabling(*lines)})
    assert said(stack.run("stack").ok())[1:] == ["port 77"]


def test_plugin_has_the_path_of_its_repository(stack_dir: MakeStackDir, demo: Repository) -> None:
    demo.commit(
        {
            "devstack/plugin.sh": """\
                if [[ "$2" == install ]]; then
                    echo "${GITREPO[demo]} ${GITDIR[demo]} ${GITBRANCH[demo]} $DEVSTACK_PLUGINS"
                    is_plugin_enabled demo && echo enabled
                fi
            """
        }
    )
    stack = stack_dir(enabling(f"enable_plugin demo {demo.url} main"))
    assert said(stack.run("stack").ok())[1:] == [
        f"{demo.url} {stack.dest}/demo main ,demo",
        "enabled",
    ]


# -- sudo ------------------------------------------------------------------------------------------


NOBODY_WHO_READS_ALL = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    # The checkout and its Python may be in the home directory of root.
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)


@pytest.fixture
def public_dir() -> Iterator[Path]:
    """A directory that every user may read and write."""
    with TemporaryDirectory(dir="/tmp", prefix="doitstack-test-") as path:
        os.chmod(path, 0o777)
        yield Path(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes a user without rights")
def test_sudo_with_a_password_is_reported_before_anything_runs(public_dir: Path) -> None:
    files = {
        "sudo": "#!/bin/sh\necho sudo: a password is required >&2\nexit 1\n",
        **enabling("enable_plugin demo file:///demo"),
        ".stack/demo/devstack/plugin.sh": "echo run\nsource $dest/demo/devstack/lib/demo\n",
        ".stack/demo/devstack/lib/demo": "function work {\n    sudo true\n}\n",
    }
    stack = StackDir(public_dir / "stack", files, clean_environment())
    (stack.path / "sudo").chmod(0o755)
    for path in (stack.path, *stack.path.rglob("*")):
        os.chown(path, 65534, 65534)
    done = subprocess.run(
        [*NOBODY_WHO_READS_ALL, DOIT, "stack"],
        cwd=stack.path,
        env={**stack.environ, "PATH": f"{stack.path}:{stack.environ['PATH']}", "HOME": "/"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.stdout.startswith("setpriv: "):
        pytest.skip("root may not give capabilities here")
    assert done.returncode == 3, done.stdout
    assert (
        f"ERROR: {stack.dest}/demo/devstack/lib/demo:2: the script runs sudo, which" in done.stdout
    )
    assert "run" not in done.stdout.splitlines()
    assert not (stack.dest / "logs" / "runs").exists()
