"""Names that are near to what was written."""

import pytest

from doitstack.suggestions import did_you_mean


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("kye", "; did you mean key?"),
        ("tempst", "; did you mean tempest?"),
        ("stakc", "; did you mean stack?"),
        ("STACK", "; did you mean stack?"),
        ("nosuch", ""),
        ("stack", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_suggested(name: str, suggestion: str) -> None:
    assert did_you_mean(name, ["tempest", "key", "stack", "unstack"]) == suggestion
