"""A real browser, driven by its own debugging protocol over two pipes: no driver, no port."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.conftest import SCREENSHOTS
from tests.debian import INSTALL

OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)


def install_browser() -> None:
    """Install Debian's chromium where it is missing, as root or by sudo."""
    if shutil.which("chromium"):
        return
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    install = [*as_root, *INSTALL, "chromium", "fonts-dejavu-core"]
    if subprocess.run(install, check=False).returncode:
        # A fresh machine has no lists of packages.
        subprocess.run([*as_root, "apt-get", "update"], check=True)
        subprocess.run(install, check=True)


class Browser:
    """Debian's chromium, headless, with a profile that goes with it."""

    def __init__(self, profile: Path, prefix: Sequence[str] = ()) -> None:
        """Start it; `prefix` are words before its command, as to run it on another host."""
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        # The browser reads from descriptor 3 and writes to 4.
        command = 'exec "$@" 3<&"$IN" 4>&"$OUT"'
        words = ["bash", "-c", command, "sh", *prefix, "chromium", *OPTIONS]
        self._process = subprocess.Popen(
            [*words, f"--user-data-dir={profile}"],
            env={**os.environ, "IN": str(theirs_in), "OUT": str(theirs_out), "HOME": str(profile)},
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._replies = os.fdopen(self._in, "rb")
        self._number = 0
        self.events: list[dict[str, Any]] = []
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script: str) -> Any:
        """Return the value of an expression of JavaScript on the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    def wait_for(self, script: str, timeout: float = 120) -> None:
        deadline = time.monotonic() + timeout
        while not self.run(script):
            assert time.monotonic() < deadline, f"{script}: {self.run('document.body.innerText')}"
            time.sleep(0.2)

    def look_like(self, *, width: int, height: int = 900, scheme: str = "light") -> None:
        """Be a screen of that size (px), whose user wants that colour scheme."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press a key, by its name and its number in Windows; `text` is what it writes."""
        event = {"key": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def complaints(self) -> list[str]:
        """Return what the page has written to the console, and the errors that it has made."""
        self.run("0")
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [str(event["params"]) for event in self.events if event["method"] in kinds]

    def requests(self) -> list[str]:
        """Return the addresses that have been asked for."""
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def screenshot(self, name: str) -> None:
        """Keep a picture of the page as `NAME.png`."""
        SCREENSHOTS.mkdir(exist_ok=True)
        picture = base64.b64decode(self.call("Page.captureScreenshot")["data"])
        (SCREENSHOTS / f"{name}.png").write_bytes(picture)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._out)
        self._replies.close()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command of the debugging protocol and return its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._read())
            if "method" in answer:
                self.events.append(answer)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])

    def _read(self) -> bytes:
        text = bytearray()
        while (byte := self._replies.read(1)) != b"\0":
            assert byte, "the browser has ended"
            text += byte
        return bytes(text)
