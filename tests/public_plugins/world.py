"""The world of a run: stubs of programs, copies of repositories, and the settings of a stack."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.public_plugins.repositories import Repository

HERE = Path(__file__).parent
IN_TREE = (
    *("cinder", "glance", "horizon", "keystone", "neutron", "nova", "placement"),
    *("requirements", "swift", "tempest"),
)
"""The projects whose source trees DevStack has."""

SERVICES = (
    *("key", "mysql", "rabbit", "g-api", "placement-api", "neutron-api"),
    *("n-api", "n-api-meta", "n-cond", "n-sch", "n-cpu", "n-novnc"),
    *("ovn-controller", "ovn-northd", "q-ovn-agent"),
    *("c-api", "c-sch", "c-vol", "c-bak", "s-proxy", "s-object", "s-container", "s-account"),
    *("horizon", "tempest"),
)
"""The in-tree services of both, all of them enabled."""

_SAME = {
    "python3": (f"python3.{sys.version_info.minor}", "python"),
    "pip": ("pip3",),
    "apt-get": ("apt", "dnf", "yum", "zypper"),
    "download": ("curl", "wget"),
    "openstack": ("nova", "neutron", "glance", "cinder", "heat", "ironic", "swift", "manila"),
    "systemctl": ("service", "journalctl", "invoke-rc.d", "update-rc.d"),
    "program": (
        *("add-apt-repository", "apt-key", "gpg", "debconf-set-selections", "dpkg-reconfigure"),
        *("mysql", "mariadb", "mysqladmin", "psql", "createdb", "dropdb", "sqlite3", "mongo"),
        *("rabbitmqctl", "rabbitmq-plugins", "redis-cli", "etcdctl", "influx", "cassandra"),
        *("ovs-vsctl", "ovs-ofctl", "ovs-appctl", "ovsdb-tool", "ovsdb-client", "ovs-dpctl"),
        *("ovn-nbctl", "ovn-sbctl", "ovn-appctl", "ovs-ctl", "ovn-ctl", "brctl", "dnsmasq"),
        *("iptables", "ip6tables", "ebtables", "ipset", "ufw", "firewall-cmd", "sysctl"),
        *("modprobe", "rmmod", "insmod", "depmod", "losetup", "mount", "umount", "exportfs"),
        *("pvcreate", "pvremove", "vgcreate", "vgremove", "vgs", "lvcreate", "lvremove", "lvs"),
        *("mkfs", "mkfs.ext4", "mkfs.xfs", "parted", "sgdisk", "blkid", "swapoff", "swapon"),
        *("docker", "podman", "buildah", "crictl", "kubectl", "kubeadm", "helm", "minikube"),
        *("virsh", "virt-install", "virt-customize", "guestmount", "guestfish"),
        *("useradd", "userdel", "usermod", "adduser", "groupadd", "addgroup", "gpasswd", "chown"),
        *("make", "cmake", "gcc", "g++", "go", "cargo", "npm", "node", "yarn", "bower", "java"),
        *("mvn", "ant", "gem", "bundle", "tox", "ansible", "ansible-playbook", "ansible-galaxy"),
        *("a2enmod", "a2dismod", "a2ensite", "a2dissite", "apache2", "apachectl", "uwsgi"),
        *("reboot", "shutdown", "iscsi-iname", "iscsiadm", "tgtadm", "targetcli", "setenforce"),
        *("semanage", "restorecon", "getenforce", "aa-status"),
        *("oslo-config-generator", "oslopolicy-sample-generator", "oslopolicy-policy-generator"),
        *("alembic", "snap", "lxc", "lxd", "ceph", "rados", "rbd", "cephadm", "pcs", "keytool"),
    ),
}
"""Names under which a stub is found besides its own."""


def _put_stubs(directory: Path) -> None:
    """Put the stubs into a directory, each under all its names."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    for stub in (HERE / "stubs").iterdir():
        _link(directory / stub.name, stub)
        for name in _SAME.get(stub.name, ()):
            _link(directory / name, stub)


def _put_copies(directory: Path, repositories: Mapping[str, Path]) -> None:
    """Put links to repositories there, by the names under which they are cloned."""
    directory.mkdir(exist_ok=True)
    for name, path in repositories.items():
        _link(directory / name, path.resolve())


def _link(place: Path, target: Path) -> None:
    place.unlink(missing_ok=True)
    place.symlink_to(target)


def local_conf(repository: Repository) -> str:
    """Return the configuration of a stack with a plugin."""
    url = f"https://opendev.org/openstack/{repository.name}"
    passwords = ("ADMIN", "DATABASE", "RABBIT", "SERVICE")
    return "\n".join(
        (
            "[[local|localrc]]",
            *(f"{name}_PASSWORD=secret" for name in passwords),
            "SWIFT_HASH=secret",
            "STACK_USER=root",
            "VIRT_DRIVER=fake",
            "HOST_IP=127.0.0.1",
            "DEST=/opt/stack",
            f"ENABLED_SERVICES={','.join(SERVICES)}",
            f"enable_plugin {repository.name} {url} {repository.commit}",
            "",
        )
    )


class World:
    """The files that all runs share, below a directory.

    opt: the `/opt` of DevStack's runs, with its source trees, and of doitstack's.
    """

    def __init__(self, top: Path, copies: Mapping[str, Path]) -> None:
        self.stubs, self.copies, self.kept = top / "stubs", top / "copies", top / "kept"
        self.opt = {"devstack": top / "devstack", "doitstack": top / "doitstack"}
        self.kept.mkdir(exist_ok=True)
        _put_stubs(self.stubs)
        _put_copies(self.copies, copies)
        if self.opt["doitstack"].exists():
            return
        for directory in self.opt.values():
            (directory / "stack").mkdir(parents=True)
        for name in IN_TREE:
            if (self.copies / name).exists():
                tree = self.opt["devstack"] / "stack" / name
                command = ["git", "clone", "--quiet", "--shared", self.copies / name, tree]
                subprocess.run(command, check=True)

    def environment(self) -> dict[str, str]:
        """Return the environment of a run."""
        return {
            "PATH": f"{self.stubs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "USER": "root",
            "LANG": "C.UTF-8",
            "STUBS": str(self.stubs),
            "COPIES": str(self.copies),
            "KEPT": str(self.kept),
            "IN_TREE": str(self.kept / "in_tree.tar"),
            "PYTHON_VERSION": f"3.{sys.version_info.minor}",
            **{f"GIT_{role}_NAME": "stub" for role in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{role}_EMAIL": "stub@localhost" for role in ("AUTHOR", "COMMITTER")},
        }
