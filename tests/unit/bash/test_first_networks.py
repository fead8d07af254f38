"""The first networks, with `openstack` as a stand-in that finds what it has made."""
# ruff: noqa: E501 - a line of bash stays a line

import pytest

OPENSTACK = """
openstack() {
    local name
    shift 4
    case "$1 $2 ${3-}" in
        "extension list "*) echo router; echo external-net ;;
        *" show "*) [[ -e $1.$3 ]] && cat "$1.$3" ;;
        "router add "* | "router set "*) echo "$*" >> made ;;
        *) echo "$*" >> made; name=$(_named "$@"); echo "$1-$name" > "$1.$name"
            [[ $* == *"-f value"* ]] && cat "$1.$name" ||
                printf '| %s | %s |\\n' cidr x gateway_ip 192.0.2.1 id "$1-$name" project_id x ;;
    esac
}
_named() { # the word that is neither an option nor its value
    shift 2
    while (($#)); do
        case $1 in --external | --no-dhcp | --dhcp | --default) shift ;; -*) shift 2 ;; *) echo "$1"; return ;; esac
    done
}
PRIVATE_NETWORK_NAME=private PRIVATE_SUBNET_NAME=private-subnet PUBLIC_NETWORK_NAME=public PUBLIC_SUBNET_NAME=public-subnet
NEUTRON_CREATE_INITIAL_NETWORKS=False"""


def made(bash) -> list[str]:
    path = bash.path / "made"
    return path.read_text().splitlines() if path.exists() else []


def test_first_networks_are_made_once(bash) -> None:
    say = 'echo "$NET_ID $SUBNET_ID $ROUTER_ID $EXT_NET_ID"'
    objects = "network-private subnet-private-subnet router-router1 network-public"
    assert bash.says(f"{OPENSTACK}; create_neutron_initial_network; {say}") == objects
    subnet = "subnet create --network network-public --no-dhcp --ip-version 4"
    wanted = [
        "network create private -f value -c id",
        "subnet create --ip-version 4 --network network-private --subnet-range 10.0.0.0/22 private-subnet -f value -c id",
        "router create router1 -f value -c id",
        "network create public --external --provider-network-type flat --provider-physical-network public -f value -c id",
        "router add subnet router-router1 subnet-private-subnet",
        f"{subnet} --subnet-range 172.24.4.0/24 public-subnet",
        "router set --external-gateway network-public router-router1",
    ]
    assert made(bash) == wanted
    assert bash.says(f"{OPENSTACK}; create_neutron_initial_network; {say}") == objects
    assert made(bash) == wanted


@pytest.mark.parametrize(("version", "gateway"), [("4+6", False), ("6", True)])
def test_first_networks_have_ipv6_where_it_is_wanted(bash, version: str, gateway: bool) -> None:
    bash(f"{OPENSTACK}; IP_VERSION={version}; create_neutron_initial_network")
    subnets = [line for line in made(bash) if line.startswith("subnet create")]
    private, public = (line for line in subnets if "--ip-version 6" in line)
    assert "--ipv6-ra-mode slaac --ipv6-address-mode slaac ipv6-private-subnet" in private
    assert "--subnet-range 2001:db8::/64 --gateway 2001:db8::2 ipv6-public-subnet" in public
    assert len(subnets) == (2 if gateway else 4)
    assert sum(line.startswith("router set") for line in made(bash)) == 1


def test_public_subnet_is_told_as_fields(bash) -> None:
    script = 'EXT_NET_ID=e; fields=$(_neutron_create_public_subnet_v4); get_field 2 <<< "$fields"; get_field 5 <<< "$fields"'
    assert bash(f"{OPENSTACK}; {script}").lines == ["192.0.2.1", "subnet-public-subnet"]


def test_first_networks_of_the_stack_are_waited_for(bash) -> None:
    script = """
    _doitstack_session=1 NEUTRON_CREATE_INITIAL_NETWORKS=True
    async_wait() { echo "waits for $*"; for o in network.private network.public subnet.private-subnet router.router1; do echo "$o" > "$o"; done; }
    create_neutron_initial_network; echo "$EXT_NET_ID"
    """
    assert bash(f"{OPENSTACK}; {script}").lines == [
        "waits for create_neutron_initial_network",
        "network.public",
    ]
    assert made(bash) == []


def test_provider_network_is_refused(bash) -> None:
    script = "Q_USE_PROVIDER_NETWORKING=True; create_neutron_initial_network"
    assert "makes no provider network" in bash(f"{OPENSTACK}; {script}", code=1).err
    assert made(bash) == []


def test_extensions_of_networking_are_asked_for_once(bash) -> None:
    script = "is_networking_extension_supported router && ! is_networking_extension_supported rout && echo yes"
    asks = r"openstack() { echo asked >> asked; printf 'external-net\nrouter\n'; }"
    assert bash.says(f"{asks}; {script}") == "yes"
    assert (bash.path / "asked").read_text() == "asked\n"
