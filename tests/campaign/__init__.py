"""A campaign of kills that anyone can run: `python -m tests.campaign --rounds 500 --seed 1`."""
