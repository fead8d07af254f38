"""How much may run at once: tokens in a pipe, by the protocol of GNU make's jobserver.

A future takes one for as long as it runs. What builds inside of it take tokens from the same pipe:
see `jobserver`. As the protocol has it, whoever was started may do one job without a token: that is
what the future's own token is for.
"""

import fcntl
import os
import struct
import termios

_TOKEN = b"+"


class Slots:
    """The tokens of one run.

    There are `jobs` of them. With 0 jobs futures need none, and builds share one for each of
    `cores` but the one that each of them has of its own.
    """

    def __init__(self, jobs: int, cores: int = 1) -> None:
        self.jobs = jobs or cores
        self.is_bounded = jobs > 0
        self._total = jobs or cores - 1
        self._spare = 0
        self.descriptor, self._end = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.write(self._end, _TOKEN * self._total)

    @property
    def path(self) -> str:
        """The pipe as a file that other processes can open, for as long as this one lives."""
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    def take(self) -> bool:
        """Take a token if there is one; return whether there was."""
        if not self.is_bounded:
            return True
        if self._spare:
            self._spare -= 1
            return True
        try:
            return bool(os.read(self.descriptor, 1))
        except BlockingIOError:
            return False

    def give(self) -> None:
        """Give a token back: to the next that is taken here, or with `share` to everybody."""
        if self.is_bounded:
            self._spare += 1

    def share(self) -> None:
        """Let builds have the tokens that were given back here."""
        if self._spare:
            os.write(self._end, _TOKEN * self._spare)
            self._spare = 0

    def restore(self) -> None:
        """Have all tokens in the pipe again, as nothing runs that could hold one.

        A build that was killed has given nothing back.
        """
        self._spare = 0
        missing = self._total - self._waiting()
        if missing > 0:
            os.write(self._end, _TOKEN * missing)
        elif missing < 0:
            os.read(self.descriptor, -missing)

    def _waiting(self) -> int:
        """Return how many tokens are in the pipe."""
        answer = fcntl.ioctl(self.descriptor, termios.FIONREAD, bytes(4))
        return int(struct.unpack("i", answer)[0])

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self.descriptor)
        os.close(self._end)
