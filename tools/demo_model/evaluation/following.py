"""How well the pictures follow the prompt: time, terrain, objects, their colours and sides.

All rows look at the same pictures, one for each of `prompts.scenes`.
"""

from tools.demo_model.canvas import OBJECTS
from tools.demo_model.evaluation.bench import Bench
from tools.demo_model.evaluation.table import Result, mean, percent, share
from tools.demo_model.scene import TERRAINS, TIMES


def time_of_day(bench: Bench) -> Result:
    """The share of pictures in the light that was asked for."""
    right = {time: [v.time == time for p, v in bench.scenes if p.time == time] for time in TIMES}
    return _by_kind(right, 0.95)


def terrain(bench: Bench) -> Result:
    """The share of pictures of the terrain that was asked for."""
    right = {
        terrain: [v.terrain == terrain for p, v in bench.scenes if p.terrain == terrain]
        for terrain in TERRAINS
    }
    return _by_kind(right, 0.90)


def objects(bench: Bench) -> Result:
    """For each object the mean of two shares: seen when named, not seen when not; their mean."""
    balanced: dict[str, float] = {}
    named: list[bool] = []
    unnamed: list[bool] = []
    for name in OBJECTS:
        there: list[bool] = []
        absent: list[bool] = []
        for prompt, verdict in bench.scenes:
            if name in {one.name for one in prompt.objects}:
                there.append(name in verdict.objects)
            else:
                absent.append(name not in verdict.objects)
        shares = [sum(right) / len(right) for right in (there, absent) if right]
        balanced[name] = sum(shares) / len(shares)
        named += there
        unnamed += absent
    overall = sum(balanced.values()) / len(balanced)
    each = ", ".join(f"{name} {percent(figure)}" for name, figure in balanced.items())
    note = f"seen when named {share(named)}, absent when not {percent(mean(unnamed))}; {each}"
    return Result(figure=percent(overall), reached=overall >= 0.85, note=note)


def colour(bench: Bench) -> Result:
    """The share of named coloured objects seen in that colour; one that is not seen is wrong."""
    asked = [(one, v.objects.get(one.name)) for p, v in bench.scenes for one in p.objects]
    coloured = [(one, seen) for one, seen in asked if one.colour]
    right = [seen is not None and seen.colour == one.colour for one, seen in coloured]
    of_seen = [seen.colour == one.colour for one, seen in coloured if seen is not None]
    note = f"{share(of_seen)} that are there"
    return Result(figure=share(right), reached=mean(right) >= 0.85, note=note)


def side(bench: Bench) -> Result:
    """The share of objects seen in the third that the prompt names; one not seen is wrong."""
    asked = [(one, v.objects.get(one.name)) for p, v in bench.scenes for one in p.objects]
    placed = [(one, seen) for one, seen in asked if one.side]
    right = [seen is not None and seen.side == one.side for one, seen in placed]
    of_seen = [seen.side == one.side for one, seen in placed if seen is not None]
    note = f"{share(of_seen)} that are there; the middle third counts as wrong"
    return Result(figure=share(right), reached=mean(right) >= 0.80, note=note)


def _by_kind(right: dict[str, list[bool]], least: float) -> Result:
    every = [one for kind in right.values() for one in kind]
    note = ", ".join(f"{kind} {percent(mean(some))}" for kind, some in right.items())
    return Result(figure=share(every), reached=mean(every) >= least, note=note)
