"""Volume groups of LVM, in files."""
