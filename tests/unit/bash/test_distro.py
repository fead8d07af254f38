"""What we run on."""
# ruff: noqa: E501 - a line of bash stays a line

import pytest

RELEASES = {
    "debian": 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n',
    "ubuntu": 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n',
    "fedora": "ID=fedora\nVERSION_ID=40\n",
    "rocky": 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.3"\n',
    "centos": 'NAME="CentOS Stream"\nID="centos"\nVERSION_ID="9"\n',
    "leap": 'ID="opensuse-leap"\nVERSION_ID="15.6"\n',
    "pop": 'ID=pop\nNAME="Pop!_OS"\nID_LIKE="ubuntu debian"\nVERSION_ID="22.04"\nVERSION_CODENAME=jammy\n',
}


@pytest.mark.parametrize(
    ("name", "facts", "families"),
    [
        ("debian", "Debian 12 bookworm deb bookworm", "ubuntu"),
        ("ubuntu", "Ubuntu 24.04 noble deb noble", "ubuntu"),
        ("fedora", "Fedora 40 n/a rpm f40", "fedora"),
        ("rocky", "Rocky 9.3 n/a rpm rhel9", "fedora"),
        ("centos", "CentOSStream 9 n/a rpm rhel9", "fedora"),
        ("leap", "openSUSE 15.6 n/a rpm opensuse-15.6", "opensuse suse"),
        ("pop", "Pop!_OS 22.04 jammy deb jammy", "ubuntu"),
    ],
)
def test_distributions_are_known(bash, name: str, facts: str, families: str) -> None:
    (bash.path / "release").write_text(RELEASES[name])
    bash.env["OS_RELEASE_FILE"] = "release"
    script = """
    GetDistro; echo $os_VENDOR $os_RELEASE $os_CODENAME $os_PACKAGE $DISTRO
    for f in ubuntu fedora opensuse suse oraclelinux openeuler; do is_$f && echo $f; done; :
    """
    assert bash(script).lines == [facts, *families.split()]


def test_exit_distro_not_supported(bash) -> None:
    done = bash("DISTRO=plan9; exit_distro_not_supported plumbing", code=1)
    assert "Support for plan9 is incomplete: no support for plumbing" in done.err


def test_is_arch(bash) -> None:
    bash("is_arch $(uname -m)")
    bash("is_arch pdp11", code=1)
