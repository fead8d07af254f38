"""What may start when, and a run in virtual time. Knows no doit, files, processes or clocks."""
