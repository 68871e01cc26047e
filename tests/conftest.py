"""What holds for all tests."""

from hypothesis import settings

# No test measures time: on a busy machine an example of Hypothesis takes longer than its limit of 0.2 s.
settings.register_profile("ordwatch", deadline=None)
settings.load_profile("ordwatch")
