"""Nova and Neutron: their source, and their configuration of each other."""
# ruff: noqa: E501 - a line of bash stays a line

import pytest


def test_projects_are_installed_from_their_source(bash) -> None:
    script = """
    git_clone() { echo "clone $*"; mkdir -p "$2"; }; setup_develop() { echo "develop $1"; }
    git_clone_by_name() { echo "clone $1"; }; setup_dev_lib() { echo "develop $1"; }
    install_nova; NEUTRON_REPO=/n NEUTRON_BRANCH=b LIBS_FROM_GIT=neutron-lib; install_neutron
    """
    dest = bash.env["DEST"]
    assert bash(script).lines == [
        f"clone https://opendev.org/openstack/nova.git {dest}/nova master",
        f"develop {dest}/nova",
        *("clone neutron-lib", "develop neutron-lib"),
        *(f"clone /n {dest}/neutron b", f"develop {dest}/neutron"),
    ]


def test_services_reach_each_other(bash) -> None:
    bash("""
    SERVICE_PASSWORD=pw NOVA_CONF_DIR=. NOVA_CONF=nova.conf NEUTRON_CONF=neutron.conf NOVA_NUM_CELLS=2
    : > nova_cell2.conf
    configure_neutron_nova; configure_placement_nova_compute; configure_placement_nova_compute cpu.conf
    configure_placement_neutron; create_nova_conf_neutron other.conf
    for f in *.conf; do echo "$f: $(iniget_sections $f)"; done > found
    iniget neutron.conf placement username >> found; iniget cpu.conf placement region_name >> found
    """)
    assert (bash.path / "found").read_text().splitlines() == [
        *("cpu.conf: placement", "neutron.conf: placement", "nova.conf: neutron placement"),
        *("nova_cell2.conf: neutron", "other.conf: neutron", "neutron", "RegionOne"),
    ]


@pytest.mark.parametrize("system", ["is_ubuntu", "is_fedora"])
@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_libvirt_is_the_distributions(bash, system: str, arch: str) -> None:
    others = "is_ubuntu() { false; }; is_fedora() { false; }"
    said = bash.says(f"""
    {others}; {system}() {{ true; }}; is_arch() {{ [[ $1 == {arch} ]]; }}
    install_package() {{ echo "$*"; }}; install_libvirt
    """).split()
    qemu = (
        "qemu-kvm"
        if system == "is_fedora"
        else f"qemu-system-{'arm' if arch == 'aarch64' else 'x86'}"
    )
    assert [name for name in said if name.startswith(("qemu-system", "qemu-kvm"))] == [qemu]
    assert {"python3-libvirt", "swtpm"} <= {*said}
    assert any(name.endswith("aarch64") for name in said) == (arch == "aarch64")
