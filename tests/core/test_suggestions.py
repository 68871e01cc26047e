import pytest

from ordwatch.core.suggestions import suggest


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("filed", ", did you mean `FILLED`?"),
        ("REJECTD", ", did you mean `REJECTED`?"),
        ("x", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_suggested_in_any_case(name: str, said: str) -> None:
    assert suggest(name, ["NEW", "FILLED", "REJECTED"]) == said
