"""What the LoRA and the embedding do to a picture."""

import random

from tools.demo_model.evaluation.bench import SEED, Bench
from tools.demo_model.evaluation.prompts import scenes, worded
from tools.demo_model.evaluation.table import Result, mean, share
from tools.demo_model.scene import DUSK
from tools.demo_model.training import samples

TOKEN = "demo_dusk"


def lora(bench: Bench) -> Result:
    """How many pictures are ink drawings with the LoRA at weight 1 and at 0."""
    pipeline, path = bench.open_demo(), bench.parts.lora
    pipeline.load_lora_weights(str(path.parent), weight_name=path.name, adapter_name="ink")
    prompts = [prompt.text for prompt in scenes(bench.few())]
    inked: list[list[bool]] = []
    for weight in (1.0, 0.0):
        pipeline.set_adapters("ink", weight)
        verdicts = bench.judge.look(samples.draw(pipeline, prompts, SEED))
        inked.append([verdict.style == "ink" for verdict in verdicts])
    return _against(*inked)


def embedding(bench: Bench) -> Result:
    """How many pictures are in the light that has no word, with the embedding and without it."""
    pipeline = bench.open_demo()
    pipeline.load_textual_inversion(str(bench.parts.embedding), token=TOKEN)
    chance = random.Random("held-out lights")
    shown = scenes(bench.few())
    # The token stands in the place of the time of day; without it nothing does.
    said = [worded(one.objects, one.terrain, "", chance, f"at {TOKEN}").text for one in shown]
    drawn: list[list[bool]] = []
    for prompts in (said, [text.replace(f" at {TOKEN}", "") for text in said]):
        verdicts = bench.judge.look(samples.draw(pipeline, prompts, SEED))
        drawn.append([verdict.time == DUSK for verdict in verdicts])
    return _against(*drawn)


def _against(with_it: list[bool], without: list[bool]) -> Result:
    return Result(
        figure=f"{share(with_it)} against {share(without)}",
        reached=mean(with_it) >= 0.90 and mean(without) < 0.10,
    )
