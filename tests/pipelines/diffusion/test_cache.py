"""What stays between jobs, and what goes when room is needed."""

import pytest
from PIL import Image

from pipelines.diffusion.cache import BoundedCache, ModelCache, PictureDigests
from tests.helpers.images import gradient, noise


def test_a_value_is_made_once():
    made: list[str] = []
    cache: BoundedCache[str] = BoundedCache(100, len)
    for _ in range(2):
        assert cache.get("key", lambda: made.append("once") or "value") == "value"
    assert made == ["once"]


def test_the_value_used_longest_ago_goes_first():
    cache: BoundedCache[str] = BoundedCache(10, len)
    cache.get(1, lambda: "12345")
    cache.get(2, lambda: "12345")
    cache.get(1, lambda: "never made")
    cache.get(3, lambda: "12345")
    assert cache.get(1, lambda: "anew") == "12345"
    assert cache.get(2, lambda: "anew") == "anew"


def test_a_value_larger_than_the_cache_is_handed_out_and_not_kept():
    cache: BoundedCache[str] = BoundedCache(3, len)
    assert cache.get(1, lambda: "12345") == "12345"
    assert cache.get(1, lambda: "anew") == "anew"


def test_pictures_that_look_the_same_have_one_digest():
    digests = PictureDigests()
    assert digests.digest(gradient()) == digests.digest(gradient())
    assert digests.digest(gradient()) != digests.digest(noise())
    assert digests.digest(gradient(64, 32)) != digests.digest(gradient(32, 64))


@pytest.mark.parametrize("place", [(0, 0), (99, 149), (50, 64), (0, 127)])
def test_one_pixel_anywhere_changes_the_digest(place: tuple[int, int]):
    changed = gradient(100, 150)
    changed.putpixel(place, (1, 2, 3))
    assert PictureDigests().digest(changed) != PictureDigests().digest(gradient(100, 150))


def test_what_decides_how_a_picture_is_shown_is_part_of_its_digest():
    digests = PictureDigests()
    plain, profiled = gradient(), gradient()
    profiled.info["icc_profile"] = b"profile"
    assert digests.digest(plain) != digests.digest(profiled)
    first, second = Image.new("P", (8, 8)), Image.new("P", (8, 8))
    second.putpalette([255, 0, 0])
    assert digests.digest(first) != digests.digest(second)


def test_one_picture_object_is_hashed_once(monkeypatch: pytest.MonkeyPatch):
    digests, picture = PictureDigests(), gradient()
    first = digests.digest(picture)
    monkeypatch.setattr(picture, "crop", lambda _: pytest.fail("hashed again"))
    assert digests.digest(picture) == first


def test_models_stay_within_the_budget_and_the_newest_always_does():
    models: ModelCache[str] = ModelCache(len)
    models.get("a", 10, lambda: "12345")
    models.get("b", 10, lambda: "12345")
    models.get("c", 10, lambda: "a model larger than the budget")
    assert [key in models for key in "abc"] == [False, False, True]


def test_no_more_models_stay_than_are_allowed():
    models: ModelCache[str] = ModelCache(len)
    for name in "abac":
        models.get(name, 100, lambda: "12345", most=2)
    assert [key in models for key in "abc"] == [True, False, True]


def test_a_model_that_fails_to_load_takes_no_other_away():
    models: ModelCache[str] = ModelCache(len)
    models.get("a", 0, lambda: "12345")
    with pytest.raises(ZeroDivisionError):
        models.get("b", 0, lambda: str(1 / 0))
    assert "a" in models
