"""These tests are for the guest in which `test_lvm.py` runs them."""

import os

collect_ignore_glob = [] if "TESTS_IN_GUEST" in os.environ else ["test_*"]
