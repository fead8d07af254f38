"""The agent on another host, by messages through its pipes."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from doitstack.hosts.agent_program import BOOT, agent_program
from tests.integration.probes import is_dead, wait_until


class Peer:
    """An agent, whose home directory is `home`, and the messages to and from it."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", BOOT],
            env={**os.environ, "HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self.process.stdin
        assert self.process.stdout
        self.stdin, self.stdout = self.process.stdin, self.process.stdout.fileno()
        self.lines = os.fdopen(os.dup(self.stdout), "rb")
        self.stdin.write(agent_program())
        self.hello = self.read()["hello"]

    def send(self, raw: bytes = b"", **message: Any) -> None:
        self.stdin.write(json.dumps(message).encode() + b"\n" + raw)

    def put(self, path: str, data: bytes) -> None:
        self.send(data, put={"path": path, "size": len(data)})

    def read(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.lines.readline())
        return answer

    def ask(self, **message: Any) -> dict[str, Any]:
        self.send(**message)
        return self.read()

    def until(self, key: str) -> list[Any]:
        """Return the values of all messages up to the first with `key`."""
        found = []
        while True:
            (name, value), *_ = self.read().items()
            found.append(value)
            if name == key:
                return found

    def run(self, *argv: str) -> None:
        self.send(run={"directory": ".", "argv": argv, "variable": "CHANNEL"})

    def close(self) -> int:
        self.stdin.close()
        self.lines.close()
        self.process.stdout.close() if self.process.stdout else None
        return self.process.wait()


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    made = Peer(tmp_path)
    yield made
    made.close()


def archive(**files: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return packed.getvalue()


def test_it_tells_what_host_it_is_on(peer: Peer) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert peer.hello["kind"] == f"{version} {os.uname().machine}"
    answer = peer.ask(beat=7)
    assert answer["beat"] == 7
    assert answer["clock"] >= peer.hello["clock"]


def test_file_has_its_name_once_it_is_whole_and_is_private(peer: Peer, tmp_path: Path) -> None:
    peer.send(b"abc", put={"path": "a/b", "size": 6})
    wait_until((tmp_path / "a/b.new").exists, "the first part")
    assert not (tmp_path / "a/b").exists()
    peer.stdin.write(b'def{"look": "a/b"}\n')
    assert peer.read() == {"exists": True}
    assert (tmp_path / "a/b").read_bytes() == b"abcdef"
    assert (tmp_path / "a/b").stat().st_mode & 0o077 == 0
    assert (tmp_path / "a").stat().st_mode & 0o077 == 0


def test_environment_is_unpacked_and_used(peer: Peer, tmp_path: Path) -> None:
    peer.put("new.tgz", archive(lib__a="a"))
    assert peer.ask(use="new") == {"exists": False}
    assert peer.ask(unpack={"path": "new", "archive": "new.tgz"})["unpacked"]
    assert (tmp_path / "new/lib/a").read_text() == "a"
    os.utime(tmp_path / "new", (1, 1))
    assert peer.ask(use="new") == {"exists": True}
    assert (tmp_path / "new").stat().st_mtime > 1
    peer.put("bad.tgz", b"no archive")
    assert "unpack" in peer.ask(unpack={"path": "bad", "archive": "bad.tgz"})["failed"]


def test_files_are_replaced_and_others_stay(peer: Peer, tmp_path: Path) -> None:
    (tmp_path / "s/extras.d").mkdir(parents=True)
    (tmp_path / "s/extras.d/old.sh").touch()
    (tmp_path / "s/mine").touch()
    (tmp_path / "s/lib").symlink_to(tmp_path)
    peer.put("s/f.tgz", archive(extras__d="", local__conf="x"))
    names = ["extras.d", "lib", "local.conf"]
    peer.ask(replace={"path": "s", "archive": "s/f.tgz", "names": names})
    assert not (tmp_path / "s/extras.d").exists()
    assert not (tmp_path / "s/lib").is_symlink()
    assert (tmp_path / "s/mine").exists()


def test_output_and_code_of_a_run_are_told_and_it_ends(peer: Peer) -> None:
    peer.run("sh", "-c", "echo one; printf '\\377 end' >&2; exit 3")
    assert peer.until("end") == ["one", "\udcff end", 3]
    assert peer.process.wait() == 0


def test_lines_go_to_and_from_the_run(peer: Peer) -> None:
    peer.run("bash", "-c", 'read -r line <&$CHANNEL; echo "heard $line" >&$CHANNEL')
    peer.send(tell="word")
    assert peer.until("end") == ["heard word", 0]


def test_signal_reaches_the_run(peer: Peer, tmp_path: Path) -> None:
    peer.run("sh", "-c", "trap 'exit 9' INT; touch ready; while :; do sleep 0.05; done")
    wait_until((tmp_path / "ready").exists, "the run")
    peer.send(stop=signal.SIGINT)
    assert peer.until("end") == [9]


@pytest.mark.parametrize("how", ["end of the channel", "silence", "silence with output", "kill"])
def test_run_does_not_outlive_the_connection(tmp_path: Path, how: str) -> None:
    # A link that is cut takes no output, either.
    idle = "yes" if how == "silence with output" else "sleep 600"
    started = tmp_path / "pid"
    for lease in (2, 20, 200):
        peer = Peer(tmp_path)
        if how.startswith("silence"):
            peer.send(lease=lease)
        peer.run("sh", "-c", f"echo $$ >pid.new; mv pid.new pid; exec {idle}")
        wait_until(lambda peer=peer: started.exists() or peer.process.poll() is not None, "the run")
        if started.exists() and not is_dead(int(started.read_text())):
            break
        # On a busy machine, the lease may have ended before.
        started.unlink(missing_ok=True)
        peer.close()
    pid = int(started.read_text())
    if how == "kill":
        peer.process.kill()
    elif how == "end of the channel":
        peer.stdin.close()
    wait_until(lambda: is_dead(pid), "its end")
    peer.close()


def test_what_cannot_be_done_is_told_and_the_agent_goes_on(peer: Peer) -> None:
    assert peer.ask(do=["sh", "-c", "echo why; exit 4"]) == {"failed": "sh ended with code 4: why"}
    assert "do: " in peer.ask(do=["nosuch-program"])["failed"]
    assert peer.ask(do=["true"]) == {"done": 0}
    run = {"directory": "nosuch", "argv": ["true"], "variable": "CHANNEL"}
    assert "run: " in peer.ask(run=run)["failed"]
