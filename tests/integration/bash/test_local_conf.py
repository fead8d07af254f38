"""local.conf and localrc in real runs: in the shell, in hooks, and merged into files."""

import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.integration.bash.scripts import error_of, in_phase, install, said
from tests.integration.probes import plugin as python_plugin

pytestmark = pytest.mark.usefixtures("served_runs")

SCRIPT = "extras.d/50-demo.sh"


def lines_of(stack: StackDir, name: str) -> list[str]:
    return (stack.dest / name).read_text().splitlines()


@pytest.mark.parametrize("name", ["local.conf", "localrc"])
def test_settings_reach_the_shell_and_hooks(stack_dir: MakeStackDir, name: str) -> None:
    header = "[[local|localrc]]\n" if name == "local.conf" else ""
    local = """\
greeting() { echo "hello ${1:-nobody}"; }
NAME=$(greeting you)
LIST=(a b)
declare -A TABLE=([key]=value)
PLACE=$DEST/place
"""
    hooks = python_plugin("""
        @hookimpl
        def stack_extra(stack):
            yield run(lambda stack: stack.say(stack.settings["NAME"]), name="look")
    """)
    script = install('echo "$NAME ${LIST[1]} ${TABLE[key]} ${PLACE#$DEST}"\ngreeting me')
    stack = stack_dir({name: header + local, SCRIPT: script, "extras.d/60-look.py": hooks})
    assert said(stack.run("stack").ok()) == ["hello you b value /place", "hello me", "hello you"]


@pytest.mark.parametrize("lines", ["", "PATH=/mine:$PATH\n"])
@pytest.mark.parametrize("name", ["local.conf", "none"])
def test_programs_of_plugins_are_found(stack_dir: MakeStackDir, name: str, lines: str) -> None:
    script = "echo ${PATH//$DEST/DEST}\n"
    stack = stack_dir({name: f"[[local|localrc]]\n{lines}", SCRIPT: script})
    paths = {line.split("/usr/")[0] for line in said(stack.run("stack").ok())}
    assert len(paths) == 1, "the same in each phase"
    first = paths.pop()
    assert first.startswith("DEST/bin:DEST/venvs/stack/bin:")
    assert (":/mine:" in first) == (name == "local.conf" and bool(lines))


def test_environment_comes_before_local_conf_also_in_the_shell(stack_dir: MakeStackDir) -> None:
    script = in_phase("source", "echo $PORT $HOST $DEFAULT; DEFAULT=${DEFAULT:-x}") + install(
        "echo $PORT $HOST $DEFAULT"
    )
    stack = stack_dir(
        {"local.conf": "[[local|localrc]]\nPORT=1\nHOST=one\nDEFAULT=mine\n", SCRIPT: script}
    )
    assert said(stack.run("stack", PORT="2").ok()) == ["2 one mine"] * 2


@pytest.mark.parametrize(
    ("lines", "enabled"),
    [
        ("enable_service a b", "one,a,b"),
        ("enable_service a,b", "one,a,b"),
        ("enable_service a\ndisable_service one", "a"),
        ("disable_all_services\nenable_service z", "z"),
        ("ENABLED_SERVICES+=,a,-one", "a"),
        ("ENABLED_SERVICES=a,b,-b,c", "a,c"),
        ("enable_service a -one", "a"),
    ],
)
def test_services_are_enabled_and_disabled(
    stack_dir: MakeStackDir, lines: str, enabled: str
) -> None:
    hooks = python_plugin("""
        @hookimpl
        def stack_install(stack):
            yield run(tell, name="tell")

        def tell(stack):
            stack.say("hooks: " + ",".join(stack.settings.services))
    """)
    shell = install("""
        services=
        for name in one a b c z; do
            ! is_service_enabled $name || services+=${services:+,}$name
        done
        echo "shell: $services"
    """)
    local = f"[[local|localrc]]\nENABLED_SERVICES=one\n{lines}\n"
    stack = stack_dir({"local.conf": local, "extras.d/60-look.py": hooks, SCRIPT: shell})
    stack.environ.pop("ENABLED_SERVICES")
    assert said(stack.run("stack").ok()) == [f"shell: {enabled}", f"hooks: {enabled}"]


MERGING = """\
[[local|localrc]]
CONF=$DEST/demo.conf

[[post-config|$CONF]]
[DEFAULT]
# this comment stays here
name = $USER_NAME at ${DEST##*/}
debug = False
[new]
path = a,b=c

[[post-config|$DEST/sub/other.conf]]
[s]
multi = one
multi = two

[[extra|$CONF]]
[extra]
when = before extra

[[post-extra|$CONF]]
[extra]
when = after extra

[[test-config|$CONF]]
[test]
when = after test-config
"""

MAKING = """\
USER_NAME=someone
value() { iniget $CONF $1 $2; }
show() { echo "$1: $(value extra when)|$(value test when)|$(value DEFAULT debug)"; }
case "$2" in
    post-config)
        [[ ! -e $CONF ]]
        printf '%s\\n' '# a comment' '[DEFAULT]' '#debug = None' 'kept = 1' 'debug = Maybe' \
            '' '[last]' 'x = y' >$CONF
        ;;
    extra | test-config) show $2 ;;
esac
"""


def test_meta_sections_are_merged_at_their_moments(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({"local.conf": MERGING, SCRIPT: MAKING})
    outcome = stack.run("stack").ok()
    assert said(outcome) == ["extra: before extra||False", "test-config: after extra||False"]
    assert [line for line in outcome.lines if line.startswith("==> ") and "merge_" in line] == [
        "==> stack post-config: local.conf: merge_existing_post-config",
        "==> stack post-config: local.conf: merge_post-config",
        "==> stack extra: local.conf: merge_extra",
        "==> stack extra: local.conf: merge_post-extra",
        "==> stack test-config: local.conf: merge_test-config",
    ]
    assert lines_of(stack, "demo.conf")[:6] == [
        *("# a comment", "[DEFAULT]", "name = someone at .stack", "#debug = None"),
        *("kept = 1", "debug = False"),
    ]
    assert "path = a,b=c" in lines_of(stack, "demo.conf")
    assert lines_of(stack, "demo.conf")[-1] == "when = after test-config"
    other = [line for line in lines_of(stack, "sub/other.conf") if line]
    assert other == ["[s]", "multi = one", "multi = two"]


def test_plain_localrc_counts_and_the_sections_of_local_conf_are_merged(
    stack_dir: MakeStackDir,
) -> None:
    conf = "[[local|localrc]]\nNAME=from local.conf\n[[post-config|$CONF]] # ours\n[s]\nk = $NAME\n"
    stack = stack_dir({"local.conf": conf, "localrc": "CONF=$DEST/demo.conf\nNAME=plain\n"})
    outcome = stack.run("stack").ok()
    assert lines_of(stack, "demo.conf")[-2:] == ["[s]", "k = plain"]
    assert {line for line in outcome.lines if line.startswith("WARNING")} == {
        f"WARNING: {stack.path}/local.conf: its [[local|localrc]] is not read, since "
        f"{stack.path}/localrc exists; remove one of them"
    }


def test_unknown_group_is_a_warning(stack_dir: MakeStackDir) -> None:
    conf = "[[local|localrc]]\n\n[[theirs|$X]]\n[s]\nk = v\n[[mine|$DEST/x]]\n[s]\nk = v\n"
    merging = install("merge_config_group $TOP_DIR/local.conf mine")
    stack = stack_dir({"local.conf": conf, SCRIPT: merging})
    outcome = stack.run("stack").ok()
    assert {line for line in outcome.lines if line.startswith("WARNING")} == {
        f"WARNING: {stack.path}/local.conf:3: nothing merges the group theirs; there are "
        f"post-config, extra, post-extra, test-config"
    }
    assert "k = v" in lines_of(stack, "x")


def test_disabled_service_is_not_enabled_by_a_plugin(stack_dir: MakeStackDir) -> None:
    script = in_phase("source", "enable_service mine theirs") + install("echo $ENABLED_SERVICES")
    hooks = python_plugin("""
        @hookimpl
        def source(settings):
            yield run(enable)

        def enable(stack):
            stack.settings.enable_service("mine", "ours")
    """)
    conf = "[[local|localrc]]\nENABLED_SERVICES=mine\ndisable_service mine\n"
    stack = stack_dir({"local.conf": conf, SCRIPT: script, "extras.d/40-ours.py": hooks})
    stack.environ.pop("ENABLED_SERVICES")
    outcome = stack.run("stack").ok()
    assert "Attempt to enable_service mine when it has been disabled" in outcome.out
    assert said(outcome)[-1] == "ours,theirs"


def test_merge_into_an_unknown_file_warns(stack_dir: MakeStackDir) -> None:
    section = "[s]\nk = v\n"
    files = ("$NO_SUCH_CONF", "$NO_DIR/x", "$Q_L3_CONF_FILE", "/$Q_PLUGIN_CONF_FILE", "$DEST/used")
    conf = "".join(f"[[post-config|{name}]]\n{section}" for name in files)
    stack = stack_dir({"local.conf": f"[[local|localrc]]\n{conf}"})
    place = stack.path / "local.conf"
    etc = stack.dest / "data" / "neutron" / "etc"
    for _ in range(2):
        outcome = stack.run("stack").ok()
        assert outcome.lines[-5:-1] == [
            f"WARNING: {place}:2: [[post-config|$NO_SUCH_CONF]]: $NO_SUCH_CONF is undefined, so "
            f"the section is not used",
            f"WARNING: {place}:5: [[post-config|$NO_DIR/x]]: $NO_DIR/x is undefined, so the "
            f"section is not used",
            f"WARNING: {place}:8: [[post-config|$Q_L3_CONF_FILE]]: no service reads "
            f"{etc}/l3_agent.ini",
            f"WARNING: {place}:11: [[post-config|/$Q_PLUGIN_CONF_FILE]]: no service reads "
            f"{etc}/plugins/ml2/ml2_conf.ini",
        ]
    assert "k = v" in lines_of(stack, "used")


def test_files_below_etc_are_those_of_the_in_tree_services(stack_dir: MakeStackDir) -> None:
    conf = "[[local|localrc]]\n[[post-config|/etc/{}]]\n[DEFAULT]\nk = v\n"
    stack = stack_dir({"local.conf": conf.format("cinder/cindr.conf")})
    assert (
        f"{stack.path}/local.conf:2: no service reads /etc/cinder/cindr.conf; did you mean "
        f"/etc/cinder/cinder.conf?"
    ) in stack.run("stack").failed(3).out
    assert not stack.dest.exists()
    (stack.path / "local.conf").write_text(conf.format("cinder/cinder.conf"))
    stack.run("stack").ok()
    assert "k = v" in lines_of(stack, "data/cinder/etc/cinder.conf")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("[[local|localrc]]\nA=1\nif true; then\n", 4, "syntax error"),
        ("[[local|localrc]]\n\nB=$(\n", 4, "unexpected EOF"),
        ("A=1\n[[local|localrc]]\n", 1, "is before the first section"),
        ("[[local|localrc]]\nA=1\n[[post-config|$A]\n", 3, "broken section header"),
        ("[[local|localrc]]\nenable_plugin alone\n", 2, "enable_plugin needs a name and a URL"),
        ("[[local|localrc]]\nno_such_command here\n", 2, "no_such_command: command not found"),
        ("[[local|localrc]]\nexit 3\n", 2, "exit 3: everything below would be ignored"),
        ("[[local|localrc]]\nexec true\n", None, "bash ended before the end of the file"),
        ("[[ post-config | $A ]]\n[s]\na = b\n", 1, "broken section header"),
        (
            "[[local|localrc]]\nenable_plugin a x\nenable_plugin a y\n",
            3,
            "plugin a is enabled twice",
        ),
    ],
)
def test_broken_file_is_one_error_and_nothing_runs(
    stack_dir: MakeStackDir, text: str, line: int | None, what: str
) -> None:
    stack = stack_dir({"local.conf": text, SCRIPT: "echo run\n"})
    outcome = stack.run("stack").failed(3)
    place = f"{stack.path}/local.conf:{line}: " if line else f"{stack.path}/local.conf: "
    assert error_of(outcome).startswith(f"ERROR: {place}"), outcome.out
    assert what in outcome.out
    assert outcome.out.count("ERROR") == 1
    assert "Traceback" not in outcome.out
    assert "run" not in outcome.lines
    assert not stack.dest.exists()
