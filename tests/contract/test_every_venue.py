"""Every built-in venue is held to what the package ships for all venues."""

import pytest

from ordwatch.testing import VenueTests
from ordwatch.venues import REGISTRY


@pytest.mark.parametrize("kind", REGISTRY)
class TestEveryVenue(VenueTests):
    pass
