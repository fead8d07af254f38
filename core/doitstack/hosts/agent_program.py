"""Our agent as one program, which a Python without our packages runs."""

import base64
import zlib
from pathlib import Path

BOOT = (
    "import base64,zlib;"
    'exec(zlib.decompress(base64.b64decode(open(0,"rb",0,closefd=False).readline())))'
)
"""What Python runs there first: it reads the program, which is a line of its stdin."""

_MODULES = ("agent_files", "urgency", "agent")
"""The modules of the program in the order in which they are imported."""

_PROGRAM = """
import sys, types
for name, text in {sources!r}:
    sys.modules[name] = types.ModuleType(name)
    exec(compile(text, name, "exec"), sys.modules[name].__dict__)
sys.modules["doitstack.hosts.agent"].main()
"""


def agent_program() -> bytes:
    """Return the line that BOOT reads."""
    here = Path(__file__).parent
    sources = [(f"{__package__}.{name}", (here / f"{name}.py").read_text()) for name in _MODULES]
    program = _PROGRAM.format(sources=sources)
    return base64.b64encode(zlib.compress(program.encode(), 9)) + b"\n"
