"""What every venue must do, as tests: for the built-in ones and for those of other packages.

A package with a venue and a simulator of it is held to all of this by one file of its tests, run with pytest:

    import pytest
    from ordwatch.testing import VenueTests

    @pytest.mark.parametrize("kind", ["my_venue"])
    class TestMyVenue(VenueTests):
        pass

RunTests     the whole engine against the simulator, over real sockets: every state once, gaps, drops, disorder
FuzzTests    damaged frames and REST answers, in memory: never an exception but VenueError, no secret in a message
"""

from ordwatch.testing.fuzz_tests import FuzzTests
from ordwatch.testing.run_tests import RunTests

__all__ = ["FuzzTests", "RunTests", "VenueTests"]


class VenueTests(RunTests, FuzzTests):
    """Everything a venue is held to."""
