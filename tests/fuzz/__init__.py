"""Damaged input in numbers: `make test` runs a short form, `make fuzz TIMES=20` a long one."""
