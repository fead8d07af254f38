"""Hosts for a test: namespaces of this machine on a network of their own, with a real sshd each.

A host has its own network, mounts, processes, name, /run, /etc and home directory, and shares all
other files with this machine. Its init is in a PID namespace, so killing it is the loss of a
machine.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import DOIT, StackDir, user_caches
from tests.debian import have
from tests.integration.probes import wait_until
from tests.namespaces import needs_ip, needs_namespaces

SSHD = "/usr/sbin/sshd"

HOME = "@home@"
"""In values of the environment of all hosts: the home directory of each."""

needs_hosts = [needs_namespaces, needs_ip]
"""The marks of tests that make hosts."""

_NEVER_LEFT = ("setpriv", "--pdeathsig", "KILL", "unshare")

_SWITCH = "ip link add name switch type bridge && ip link set switch up && echo up && exec cat"

_INIT = """\
hostname "$1"
mount -t tmpfs run /run
mkdir -p /run/sshd /run/lock /run/netns /run/mount
chmod 755 /run /run/sshd
mkdir /run/etc /run/etc/new /run/etc/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/new,workdir=/run/etc/work etc /etc
cp "$2/passwd" "$2/../hosts" /etc/
mkdir -p /etc/ssh
cp "$2/../keys/host.pub" /etc/ssh/ssh_host_ed25519_key.pub
echo up
read -r go
ip link set lo up
ip address add "$3/16" dev eth0
ip link set eth0 up
/usr/sbin/sshd -D -e -f "$2/sshd_config" 2>>"$2/sshd.log" &
echo $!
wait # for sshd, and so for whatever lost its parent
"""

_SSHD_CONFIG = """\
HostKey {keys}/host
AuthorizedKeysFile {keys}/user.pub {keys}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
MaxStartups 1000
MaxSessions 1000
Subsystem sftp internal-sftp
SetEnv {environ}
"""

_SSH_CONFIG = """\
Host *
    User root
    IdentityFile {keys}/user
    IdentitiesOnly yes
    StrictHostKeyChecking yes
    UserKnownHostsFile {keys}/known_hosts
    GlobalKnownHostsFile /dev/null
    LogLevel ERROR
"""


class SshdHost:
    """A host; `address` is its address, `home` the home directory of its root."""

    def __init__(self, network: "HostNetwork", name: str, number: int) -> None:
        self.name = name
        self.address = f"10.88.{number // 250}.{number % 250 + 1}"
        self.home = network.top / name
        self._network = network
        self._number = number
        self._holder: subprocess.Popen[bytes] | None = None
        self.home.mkdir()
        (self.home / ".ssh").symlink_to(network.keys)
        caches = self.home / ".cache" / "doitstack"
        caches.mkdir(parents=True)
        (caches / "environments").symlink_to(network.environments)
        sshd_config = network.sshd_config.replace(HOME, str(self.home))
        (self.home / "sshd_config").write_text(sshd_config)
        lines = Path("/etc/passwd").read_text().splitlines(keepends=True)
        others = "".join(line for line in lines if not line.startswith("root:"))
        (self.home / "passwd").write_text(f"root:x:0:0:root:{self.home}:/bin/sh\n{others}")

    @property
    def init(self) -> int:
        """The PID of its init, as this machine sees it."""
        assert self._holder
        children = f"/proc/{self._holder.pid}/task/{self._holder.pid}/children"
        return int(Path(children).read_text().split()[0])

    @property
    def prefix(self) -> list[str]:
        """The words before a command that run it there, in a session of its own."""
        spaces = ("--mount", "--uts", "--net", "--pid")
        return ["nsenter", "--target", str(self.init), *spaces, "--", "setsid"]

    @property
    def is_up(self) -> bool:
        """Whether it runs."""
        return self._holder is not None and self._holder.poll() is None

    def start(self) -> None:
        """Start it, and connect it to the network."""
        spaces = ("--mount", "--uts", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
        words = ["sh", "-e", "-c", _INIT, "init", self.name, str(self.home), self.address]
        with (self.home / "init.log").open("ab") as log:
            self._holder = subprocess.Popen(
                [*_NEVER_LEFT, *spaces, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._holder.stdin
        assert self._holder.stdout
        assert self._holder.stdout.readline() == b"up\n"
        self._network.plug_in(self._number, self.init)
        self._holder.stdin.write(b"go\n")
        self._holder.stdin.flush()
        assert self._holder.stdout.readline(), f"{self.name} has no sshd"
        wait_until(self._answers, f"sshd of {self.name}")

    def _answers(self) -> bool:
        return "0016 00000000:0000 0A" in Path(f"/proc/{self.init}/net/tcp").read_text()

    def kill(self) -> None:
        """Let it end at once, with all of its processes."""
        if self._holder:
            with self._holder as holder:
                if holder.poll() is None:
                    os.kill(self.init, signal.SIGKILL)

    def set_link(self, state: str) -> None:
        """Set its link `up` or `down`."""
        self._network.ip("link", "set", f"port{self._number}", state)

    def run(self, *words: str) -> str:
        """Run a program there to its end; return its output."""
        done = subprocess.run([*self.prefix, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def take(self, stack: StackDir) -> StackDir:
        """Let the commands of a stack directory run there."""
        script = self.home / "doit"
        script.write_text(
            f'#!/bin/sh\nexec {" ".join(self.prefix)} env -C "$PWD" HOME={self.home} {DOIT} "$@"\n'
        )
        script.chmod(0o755)
        stack.program = stack.command = str(script)
        return stack


class HostNetwork:
    """The network of the hosts, whose directories are below `top`.

    Attributes:
        keys: the directory of the keys of all hosts, and of the configuration of ssh.
        environments: where all hosts keep the environments that they are given.
        hosts: the hosts by name.
    """

    def __init__(self, top: Path, names: Sequence[str], environ: Mapping[str, str]) -> None:
        self.top = top
        self.keys = top / "keys"
        self.keys.mkdir(mode=0o700)
        self.environments = top / "environments"
        self.environments.mkdir()
        for name in ("user", "host"):
            make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.keys / name)]
            subprocess.run(make, check=True)
        python = (
            f"{sys.base_prefix}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        )
        known = {"PATH": python, **user_caches(), **environ}
        words = " ".join(f'"{name}={value}"' for name, value in known.items())
        self.sshd_config = _SSHD_CONFIG.format(keys=self.keys, environ=words)
        self.hosts = {name: SshdHost(self, name, number) for number, name in enumerate(names)}
        self._write_names()

    def _write_names(self) -> None:
        key = " ".join((self.keys / "host.pub").read_text().split()[:2])
        hosts = [(host.name, host.address) for host in self.hosts.values()]
        known = "".join(f"{name},{address} {key}\n" for name, address in hosts)
        (self.keys / "known_hosts").write_text(known)
        (self.keys / "config").write_text(_SSH_CONFIG.format(keys=self.keys))
        names = "".join(f"{address} {name}\n" for name, address in hosts)
        (self.top / "hosts").write_text(f"127.0.0.1 localhost\n{names}")

    def start(self) -> None:
        """Start the network and all hosts."""
        self._switch = subprocess.Popen(
            [*_NEVER_LEFT, "--net", "sh", "-c", _SWITCH],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._switch.stdout
        assert self._switch.stdout.readline() == b"up\n"
        for host in self.hosts.values():
            host.start()

    def plug_in(self, number: int, init: int) -> None:
        """Connect the network namespace of `init`; a host keeps its hardware address."""
        port, address = f"port{number}", f"02:00:0a:58:{number // 250:02x}:{number % 250 + 1:02x}"
        # That of a host that was killed goes when the kernel has cleared away its namespace.
        self.ip("link", "delete", port, is_checked=False)
        peer = ("peer", "name", "eth0", "address", address, "netns", str(init))
        self.ip("link", "add", port, "type", "veth", *peer)
        self.ip("link", "set", port, "master", "switch", "up")

    def ip(self, *words: str, is_checked: bool = True) -> None:
        """Run ip in the namespace of the switch."""
        enter = ["nsenter", "--target", str(self._switch.pid), "--net", "--"]
        subprocess.run([*enter, "ip", *words], check=is_checked, capture_output=True)

    def end(self) -> None:
        """End all hosts and the network."""
        for host in self.hosts.values():
            host.kill()
        with self._switch as switch:
            switch.kill()


@contextmanager
def sshd_hosts(top: Path, *names: str, **environ: str) -> Iterator[dict[str, SshdHost]]:
    """Make hosts that reach one another by `ssh NAME` without a question; yield them by name.

    Their directories are below `top`, and `environ` is the environment of whatever sshd starts,
    with the home directory of each host in place of HOME. Skips the test if there is no sshd, and
    it cannot be installed.
    """
    have("ssh", "openssh-client")
    have(SSHD, "openssh-server", has_daemon=True)
    network = HostNetwork(top, names, environ)
    try:
        network.start()
        yield network.hosts
    finally:
        network.end()
