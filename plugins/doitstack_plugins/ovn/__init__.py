"""Open vSwitch and OVN: the networks of guests."""
