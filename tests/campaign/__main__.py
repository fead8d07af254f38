"""Run the campaign of kills; see docs/reliability.md."""

import argparse
import sys
import tempfile
import uuid
from collections import Counter
from pathlib import Path

from tests.campaign.kills import PLAN, Campaign
from tests.conftest import StackDir, clean_environment


def main() -> int:
    """Print each round with a fault, then the figures; return 1 if there was a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign")
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    mark = uuid.uuid4().hex
    killed: Counter[str] = Counter()
    seconds: list[float] = []
    faults = 0
    with tempfile.TemporaryDirectory() as directory:
        environ = clean_environment(ENABLED_SERVICES=",", TEST_MARK=mark)
        campaign = Campaign(StackDir(Path(directory) / "stack", PLAN, environ), mark, options.seed)
        for number, one in enumerate(campaign.rounds(options.rounds), start=1):
            killed[" and ".join(one.victims) or "nothing"] += 1
            seconds.append(one.seconds)
            for fault in one.faults:
                faults += 1
                sys.stdout.write(f"round {number}: {one.victims} at {one.event}: {fault}\n")
                sys.stdout.flush()
    for name, count in killed.most_common():
        sys.stdout.write(f"{count:5} times {name}\n")
    sys.stdout.write(f"all had ended after at most {max(seconds):.2f} s; {faults} faults\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
