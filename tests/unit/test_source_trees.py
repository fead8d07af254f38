"""Which projects run from a source tree, and where it is."""

from pathlib import Path

import pytest

from doitstack.config.settings import Settings, load_settings
from doitstack.errors import StepError
from doitstack.source_trees import (
    LIBRARIES,
    ask_for_trees_of_scripts,
    package_of,
    prefix_of,
    source_tree,
    source_trees,
    tree_mistakes,
)
from tests.unit.source_repository import make_repository, write_project


def settings_of(top_dir: Path, *lines: str, **environ: str) -> Settings:
    (top_dir / "local.conf").write_text("\n".join(("[[local|localrc]]", *lines, "")))
    return load_settings(top_dir, environ)


def test_without_trees_and_settings_projects_run_from_wheels(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert source_tree(settings, "keystone") is None
    assert source_trees(settings) == ()
    assert list(tree_mistakes(settings, ())) == []


@pytest.mark.parametrize(
    "line",
    [
        "LIBS_FROM_GIT=nova,keystone",
        "LIBS_FROM_GIT=ALL",
        "KEYSTONE_REPO=https://example.org/keystone",
        "KEYSTONE_BRANCH=refs/changes/12/3412/5",
        "KEYSTONE_DIR=/srv/keystone",
    ],
)
def test_settings_ask_for_a_tree(tmp_path: Path, line: str) -> None:
    tree = source_tree(settings_of(tmp_path, line), "keystone")
    assert tree
    assert not tree.is_there


def test_environment_asks_for_a_tree(tmp_path: Path) -> None:
    assert source_tree(settings_of(tmp_path, KEYSTONE_BRANCH="stable/x"), "keystone")


def test_defaults_of_sessions_and_plugins_ask_for_none(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "KEYSTONE_DIR=$DEST/keystone")
    settings.update({"NOVA_BRANCH": "master", "NOVA_DIR": "/x", "NOVA_REPO": "y"})
    assert source_trees(settings) == ()


def test_tree_that_lies_there_is_used(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    write_project(settings.path("DEST") / "oslo.messaging")
    write_project(settings.path("DEST") / "keystone")
    write_project(settings.path("DEST") / "another")
    (settings.path("DEST") / "horizon" / "local").mkdir(parents=True)
    assert [tree.project for tree in source_trees(settings)] == ["keystone", "oslo.messaging"]


def test_tree_says_what_is_cloned_where(tmp_path: Path) -> None:
    conf = ("LIBS_FROM_GIT=placement,oslo.messaging,tempest", "GIT_BASE=https://example.org")
    more = ("OSLOMSG_BRANCH=1.2", "PLACEMENT_DIR=/srv/p", "TARGET_BRANCH=stable/x")
    placement, tempest, messaging = source_trees(settings_of(tmp_path, *conf, *more))
    assert placement.package == "openstack-placement"
    assert placement.directory == Path("/srv/p")
    assert placement.repository == "https://example.org/openstack/placement.git"
    assert placement.ref == "stable/x"
    assert tempest.ref == "master"
    assert (messaging.package, messaging.ref) == ("oslo-messaging", "1.2")
    assert messaging.directory == tmp_path / ".stack" / "oslo.messaging"


def test_settings_of_libraries_have_devstacks_names() -> None:
    names = ("keystone", "oslo.messaging", "oslo.cache", "python-novaclient", "osc-lib", "os-vif")
    found = [prefix_of(name) for name in names]
    assert found == ["KEYSTONE", "OSLOMSG", "OSLOCACHE", "NOVACLIENT", "OSC_LIB", "OS_VIF"]
    assert prefix_of("python-brick-cinderclient-ext") == "BRICK_CINDERCLIENT"
    assert [package_of(name) for name in ("glance_store", "keystoneauth")] == [
        "glance-store",
        "keystoneauth1",
    ]
    assert len({prefix_of(name) for name in LIBRARIES}) == len(LIBRARIES)


def test_state_is_read_once(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    directory = make_repository(settings.path("DEST") / "keystone")
    tree = source_tree(settings, "keystone")
    assert tree
    before = tree.state
    (directory / "sample" / "answer.py").write_text("ANSWER = 'second'\n")
    assert tree.state is before


def test_state_of_no_tree_is_an_error(tmp_path: Path) -> None:
    tree = source_tree(settings_of(tmp_path, "LIBS_FROM_GIT=nova"), "nova")
    assert tree
    with pytest.raises(StepError, match="there is no source tree of nova in "):
        _ = tree.state


def test_unknown_name_is_a_mistake_with_a_suggestion(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "LIBS_FROM_GIT=oslo.mesaging,python-ironclient,keystone")
    found = list(tree_mistakes(settings, ("setup_dev_lib python-ironclient",)))
    assert found == [
        f"{tmp_path}/local.conf:2: no project has the name oslo.mesaging; "
        "did you mean oslo.messaging?"
    ]


def test_directory_that_is_no_tree_is_a_mistake(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "LIBS_FROM_GIT=keystone,nova")
    (settings.path("DEST") / "nova" / "empty").mkdir(parents=True)
    assert list(tree_mistakes(settings, ())) == []
    (settings.path("DEST") / "keystone").mkdir()
    (settings.path("DEST") / "keystone" / "notes.txt").touch()
    (mistake,) = tree_mistakes(settings, ())
    assert mistake.startswith(f"{tmp_path}/.stack/keystone is to be the source tree of keystone")
    assert mistake.endswith("move it away, or set KEYSTONE_DIR")


@pytest.mark.parametrize(
    ("text", "projects"),
    [
        ("cd $DEST/cinder; ls ${NOVA_DIR}/etc", ["nova", "cinder"]),
        ('source "${DEST}/neutron/devstack/lib/l2_agent"', ["neutron"]),
        ("# cd $DEST/nova\ntrue # $KEYSTONE_DIR", []),
        ("cp x $DEST/nova-lxd $NOVA_DIRS $DEST/keystone.conf $TEMPEST_DIR/etc/tempest.conf", []),
        ("touch $HORIZON_DIR/openstack_dashboard/local/enabled/_1.py", []),
        ("$HORIZON_DIR/manage.py; cd ${DEST}/tempest", ["horizon", "tempest"]),
    ],
)
def test_scripts_ask_for_the_trees_of_services(
    tmp_path: Path, text: str, projects: list[str]
) -> None:
    settings = settings_of(tmp_path)
    ask_for_trees_of_scripts(settings, ("", text))
    trees = source_trees(settings)
    assert [tree.project for tree in trees] == projects
    assert all(tree.is_asked_for and tree.is_of_scripts for tree in trees)


@pytest.mark.parametrize(
    "line", ["OFFLINE=True", "ERROR_ON_CLONE=True", "UPPER_CONSTRAINTS_FILE=/c.txt"]
)
def test_scripts_ask_for_nothing_that_cannot_be_fetched(tmp_path: Path, line: str) -> None:
    settings = settings_of(tmp_path, line)
    ask_for_trees_of_scripts(settings, ("cd $DEST/nova",))
    assert source_trees(settings) == ()


def test_repository_of_a_plugin_is_no_tree_that_scripts_ask_for(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    (settings.path("DEST") / "nova" / "devstack").mkdir(parents=True)
    (settings.path("DEST") / "nova" / "devstack" / "plugin.sh").touch()
    ask_for_trees_of_scripts(settings, ("cd $DEST/nova",))
    assert source_trees(settings) == ()


def test_directories_that_are_ours_with_files_of_scripts_leave_room_for_a_tree(
    tmp_path: Path,
) -> None:
    settings = settings_of(tmp_path)
    panels = settings.path("DEST") / "horizon" / "openstack_dashboard" / "local" / "enabled"
    panels.mkdir(parents=True)
    (panels / "_90_demo.py").touch()
    (settings.path("DEST") / "horizon" / ".doitstack").touch()
    ask_for_trees_of_scripts(settings, ("$HORIZON_DIR/manage.py",))
    assert [tree.project for tree in source_trees(settings)] == ["horizon"]


def test_the_users_tree_is_not_that_of_scripts(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "NOVA_BRANCH=stable/x")
    ask_for_trees_of_scripts(settings, ("cd $DEST/nova",))
    (tree,) = source_trees(settings)
    assert tree.is_asked_for
    assert not tree.is_of_scripts
