"""Keep what uWSGI's master has imported shared with the workers that it forks.

A collection of garbage writes to each object that it looks at, so that each worker would soon have
a copy of everything.
"""

import gc

import uwsgi  # type: ignore[import-untyped]  # uWSGI itself has it

uwsgi.post_fork_hook = gc.freeze
