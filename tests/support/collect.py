"""A sink that keeps what it is given: shipped with the package, for the tests of venues from outside too."""

from ordwatch.testing.collect import DEADLINE_S, Collected

__all__ = ["DEADLINE_S", "Collected"]
