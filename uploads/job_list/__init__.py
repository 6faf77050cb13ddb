"""The team's history as a list: what is wanted, which uploads those are, what a row shows. Reads only."""
