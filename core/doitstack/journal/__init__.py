"""The events of a run, written as they happen, and the figures that follow from them."""
