"""The distribution's packages; no package is really installed here."""

import pytest

INSTALLED = "for p; do case $p in -*|*Status*) ;; have*) echo installed ;; *) exit 1 ;; esac; done"


@pytest.fixture
def debian(bash):
    (bash.path / "release").write_text("ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n")
    bash.env["OS_RELEASE_FILE"] = "release"
    bash.program("dpkg-query", INSTALLED)
    bash.program("apt-get", 'echo "apt-get $*"')
    bash.program("sudo", 'while [[ $1 == -n || $1 == *=* ]]; do shift; done; "$@"')
    return bash


def test_installed_packages_need_no_apt(debian) -> None:
    assert (
        debian.says("install_package have1 have2; install_package; install_package 'have1 have2'")
        == ""
    )
    debian("is_package_installed have1 have2")
    debian("is_package_installed have1 want", code=1)
    debian("is_package_installed", code=1)


def test_missing_packages_come_from_apt_after_one_update(debian) -> None:
    lines = debian("install_package want1; install_package want2; uninstall_package have1").lines
    force = "apt-get --option Dpkg::Options::=--force-confold --assume-yes"
    assert lines == [
        *(
            f"{force} update",
            f"{force} install want1",
            f"{force} install want2",
            f"{force} purge have1",
        ),
    ]


def test_two_that_install_at_once_take_turns(debian) -> None:
    debian.program("apt-get", 'echo "start $*" >>order; sleep 0.05; echo "end $*" >>order')
    debian("REPOS_UPDATED=True; install_package want1 & install_package want2 & wait")
    lines = (debian.path / "order").read_text().splitlines()
    assert [line.replace("start", "end") for line in lines[::2]] == lines[1::2]
    assert {line.split()[-1] for line in lines} == {"want1", "want2"}


def test_nothing_is_installed_offline(debian) -> None:
    assert (
        debian.says("OFFLINE=True; install_package want; apt_get install want; apt_get_update")
        == ""
    )


def test_without_root_one_error_names_packages_and_command(debian) -> None:
    done = debian("_is_privileged() { false; }; install_package want1 want2", code=1)
    assert done.err.count("\n") == 1
    assert "installing want1 want2 needs root" in done.err
    assert "run: sudo apt-get install want1 want2" in done.err


def test_get_packages_reads_the_lists(debian) -> None:
    lists = debian.path / "files" / "debs"
    lists.mkdir(parents=True)
    (lists / "nova").write_text(
        "kpartx # comment\nold # dist:jammy\nnew # dist:jammy,bookworm\nlate # NOPRIME\n"
    )
    (lists / "os-brick").write_text("lsscsi # not:jammy\ngone # not:bookworm\n\n# only a comment\n")
    (lists / "own").write_text("kpartx\n")
    assert debian("get_packages n-cpu,n-sch,own").lines == ["kpartx", "new", "lsscsi", "kpartx"]


def test_get_plugin_packages(debian) -> None:
    lists = debian.path / "p" / "devstack" / "files" / "debs"
    lists.mkdir(parents=True)
    (lists / "p").write_text("one\n")
    assert debian.says("GITDIR[p]=$PWD/p; DEVSTACK_PLUGINS=,p; get_plugin_packages") == "one"


def test_install_bindep_installs_what_is_missing(debian) -> None:
    debian.program("uv", '[[ $* == "tool run bindep -b --file b.txt a b" ]] && echo want')
    (debian.path / "b.txt").touch()
    assert debian.says("NO_UPDATE_REPOS=True; install_bindep b.txt a,b").endswith("install want")
    assert "Can not find bindep file" in debian.says("install_bindep none.txt")


def test_bindep_that_cannot_be_run_is_an_error(debian) -> None:
    debian.program("uv", "echo no such host >&2; exit 1")
    (debian.path / "b.txt").touch()
    assert "bindep cannot be run for b.txt" in debian("install_bindep b.txt", code=1).err
    assert debian.says("OFFLINE=True; install_bindep b.txt") == ""
    debian.program("uv", "exit 0")
    assert debian.says("install_bindep b.txt") == ""


def test_packages_of_a_plugin_are_those_of_its_lists_for_this_distribution(debian) -> None:
    files = debian.path / "devstack" / "files"
    for kind in ("debs", "rpms"):
        (files / kind).mkdir(parents=True)
        (files / kind / "p").write_text(f"{kind}-1\nhave1\n{kind}-2 # comment\n")
    (files / "bindep.txt").touch()
    debian.program("uv", "echo want; exit 1")
    lists = f"{files}/debs/p {files}/rpms/p {files}/bindep.txt"
    lines = debian(f"NO_UPDATE_REPOS=True; _install_listed_packages {lists}").lines
    assert [line.partition(" install ")[2] for line in lines] == ["debs-1 have1 debs-2", "want"]
    assert debian.says(f"_install_listed_packages {files}/rpms/p") == ""


def test_other_distributions_use_their_own(bash) -> None:
    (bash.path / "release").write_text("ID=fedora\nVERSION_ID=40\n")
    bash.env["OS_RELEASE_FILE"] = "release"
    bash.program("rpm", "exit 1")
    bash.program("dnf", 'echo "dnf $*"')
    bash.program("sudo", 'while [[ $1 == -n || $1 == *=* ]]; do shift; done; "$@"')
    assert bash("install_package want; uninstall_package want").lines == [
        "dnf install -y want",
        "dnf remove -y want",
    ]
