"""How hypothesis draws examples here: the same ones each time, and none kept between runs."""

from hypothesis import HealthCheck, settings


def examples(count: int) -> settings:
    """A decorator for a test with `count` drawn examples, however long one takes."""
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
