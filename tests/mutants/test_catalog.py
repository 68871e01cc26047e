"""The catalog fits the package: each bug's text stands where it says, and its tests are there."""

from tests.mutants.__main__ import ROOT
from tests.mutants.catalog import MUTANTS


def test_each_bug_can_be_made() -> None:
    broken = []
    for mutant in MUTANTS:
        try:
            mutant.applied((ROOT / "ordwatch" / mutant.file).read_text())
        except (OSError, ValueError) as error:
            broken.append(str(error))

    assert broken == []


def test_each_bug_has_its_own_name() -> None:
    names = [mutant.name for mutant in MUTANTS]

    assert [name for name in names if names.count(name) > 1] == []


def test_the_tests_of_each_bug_are_there() -> None:
    files = {test.partition("::")[0] for mutant in MUTANTS for test in mutant.tests}

    assert [file for file in sorted(files) if not (ROOT / file).exists()] == []
