"""The events of a run, written as they happen, and the record that is read from them."""
