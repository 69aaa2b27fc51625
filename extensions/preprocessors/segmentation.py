"""Segmentation maps: what is where, in the colours of ADE20K or COCO."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from extensions.detectors import palettes
from extensions.detectors.loading import Untyped, library, pretrained
from extensions.detectors.running import detect
from extensions.detectors.tensors import as_batch, resized
from pipelines.plugins import Detected, Given, Pixels, Preprocessor, Weights

ONEFORMER_FILES = ("config.json", "vocab.json", "merges.txt", "pytorch_model.bin")

ONEFORMER_ADE20K = Weights(
    name="oneformer_ade20k",
    repository="shi-labs/oneformer_ade20k_swin_large",
    files=ONEFORMER_FILES,
    licence="MIT",
)
ONEFORMER_COCO = Weights(
    name="oneformer_coco",
    repository="shi-labs/oneformer_coco_swin_large",
    files=ONEFORMER_FILES,
    licence="MIT",
)
UPERNET = Weights(
    name="upernet",
    repository="openmmlab/upernet-convnext-small",
    files=("config.json", "pytorch_model.bin"),
    licence="MIT",
)

TASK = "the task is semantic"
"""What OneFormer is told to do."""


class OneFormer:
    """transformers' model with the words of its task."""

    def __init__(self, model: Untyped, task: Untyped) -> None:
        self.model = model
        self.task = task

    def scores(self, shown: Untyped) -> Untyped:
        """Classes x rows x columns: how much speaks for each."""
        told = self.model(pixel_values=shown, task_inputs=self.task.to(shown.device))
        # The last class stands for none of them.
        classes = told.class_queries_logits[0].softmax(dim=-1)[:, :-1]
        places = told.masks_queries_logits[0].sigmoid()
        return library("torch").einsum("qc,qhw->chw", classes, places)


class UperNet:
    """transformers' model."""

    def __init__(self, model: Untyped) -> None:
        self.model = model

    def scores(self, shown: Untyped) -> Untyped:
        """Classes x rows x columns: how much speaks for each."""
        return self.model(pixel_values=shown).logits[0]


def loading_oneformer(weights: Weights) -> Callable[[Path, str], OneFormer]:
    """A load of OneFormer trained on either data set."""

    def load(folder: Path, device: str) -> OneFormer:
        transformers, torch = library("transformers"), library("torch")
        model = pretrained(transformers.OneFormerForUniversalSegmentation, folder, weights)
        words = transformers.CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)
        length = model.config.task_seq_len
        numbers = words(TASK).input_ids[:length]
        task = torch.tensor([numbers + [0] * (length - len(numbers))])
        return OneFormer(model.to(device), task)

    return load


def load_upernet(folder: Path, device: str) -> UperNet:
    """UPerNet, whichever backbone its config.json names."""
    model_class = library("transformers").UperNetForSemanticSegmentation
    return UperNet(pretrained(model_class, folder, UPERNET).to(device))


def running(
    weights: Weights,
    load: Callable[[Path, str], OneFormer | UperNet],
    palette: Callable[[], Sequence[Sequence[int]]],
) -> Callable[[Given], Detected]:
    """A run of these weights, painted in these colours."""

    def look(network: OneFormer | UperNet, pixels: Pixels) -> Pixels:
        with library("torch").no_grad():
            shown = as_batch(pixels.astype(np.float32) / 255, network.model.device)
            scores = resized(network.scores(shown), *pixels.shape[:2])
        return palettes.painted(scores, palette())

    def run(given: Given) -> Detected:
        return detect(given, weights, load, look)

    return run


PREPROCESSORS = (
    Preprocessor(
        key="oneformer_ade20k",
        label="seg_ofade20k",
        run=running(ONEFORMER_ADE20K, loading_oneformer(ONEFORMER_ADE20K), palettes.ade20k),
        types=("Segmentation",),
        priority=100,
        weights=(ONEFORMER_ADE20K,),
    ),
    Preprocessor(
        key="oneformer_coco",
        label="seg_ofcoco",
        run=running(ONEFORMER_COCO, loading_oneformer(ONEFORMER_COCO), palettes.coco),
        types=("Segmentation",),
        weights=(ONEFORMER_COCO,),
    ),
    Preprocessor(
        key="segmentation",
        label="seg_ufade20k",
        run=running(UPERNET, load_upernet, palettes.ade20k),
        types=("Segmentation",),
        weights=(UPERNET,),
    ),
)
