"""Names that people could take for one another (ATTACKS A52)."""

import pytest
from tests.rows import row

from valetkey.server.model.confusable import (
    poses_as_latin,
    silhouette,
    skeleton,
    why_not_one_script,
)

ALIKE = [
    row("UTS 39", "capitals", "Chirp", "CHIRP"),
    row("UTS 39", "full width", "Chirp", "\uff23\uff48\uff49\uff52\uff50"),
    row("UTS 39", "Cyrillic letters", "scope", "\u0455\u0441\u043e\u0440\u0435"),
    row("UTS 39", "Greek letters", "zoo", "\u03b6\u03bf\u03bf"),
    row("UTS 39", "a letter without its dot", "chirp", "ch\u0131rp"),
    row("UTS 39", "a zero", "google", "g00gle"),
    row("UTS 39", "a one", "paypal", "paypa1"),
    row("UTS 39", "two letters for one", "harbour mail", "harbour rnail"),
]


@pytest.mark.parametrize("one, other", ALIKE)
def test_what_looks_alike(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)
    assert silhouette(one) == silhouette(other)


DIFFERENT = [
    row("UTS 39", "another word", "Chirp", "Chirpy"),
    row("UTS 39", "another letter", "mail", "nail"),
    row("UTS 39", "a mark", "rene", "ren\u00e9"),
    row("UTS 39", "another script", "Anna", "\u0416\u0430\u043d\u043d\u0430"),
]


@pytest.mark.parametrize("one, other", DIFFERENT)
def test_what_does_not(one: str, other: str) -> None:
    assert silhouette(one) != silhouette(other)


def test_spaces_and_signs_are_not_seen() -> None:
    assert (
        silhouette("Chirp for Desktop") == silhouette("chirp-for_desktop!") != silhouette("Chirp")
    )


POSES = [
    row("UTS 39", "Cyrillic through and through", "\u0440\u043e\u0440\u0430", True),
    row("UTS 39", "a Cyrillic word of its own", "\u0436\u0430\u0431\u0430", False),
    row("UTS 39", "Latin", "papa", False),
    row("UTS 39", "Latin with a mark", "papi\u00f1a", False),
    row("UTS 39", "Chinese", "\u738b", False),
    row("UTS 39", "digits alone", "007", False),
]


@pytest.mark.parametrize("name, poses", POSES)
def test_a_name_that_poses_as_latin(name: str, poses: bool) -> None:
    assert poses_as_latin(name) is poses


def test_scripts_that_look_alike_are_not_mixed() -> None:
    assert why_not_one_script("G\u043e\u043egle")
    assert not why_not_one_script("Google \u738b")
