"""Lineart by networks: of photographs, fine or coarse, and of drawings in anime's style."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from extensions.detectors.loading import ANNOTATORS, Untyped, filled, library, read_state
from extensions.detectors.running import aux_run
from pipelines.plugins import Preprocessor, Weights

REALISTIC = Weights(name="lineart", repository=ANNOTATORS, files=("sk_model.pth",), licence="MIT")
COARSE = Weights(
    name="lineart_coarse", repository=ANNOTATORS, files=("sk_model2.pth",), licence="MIT"
)
ANIME = Weights(name="lineart_anime", repository=ANNOTATORS, files=("netG.pth",), licence="MIT")


def loading(weights: Weights) -> Callable[[Path, str], Untyped]:
    """A load of the fine or the coarse network, which differ in nothing but their weights."""

    def load(folder: Path, device: str) -> Untyped:
        lineart = library("controlnet_aux.lineart")
        file = weights.files[0]
        network = filled(lineart.Generator(3, 1, 3), read_state(folder, file), file)
        # The detector wants both, and uses one; so either goes without the other's file.
        return lineart.LineartDetector(network, network).to(device)

    return load


def load_anime(folder: Path, device: str) -> Untyped:
    """controlnet_aux's detector from netG.pth."""
    anime = library("controlnet_aux.lineart_anime")
    norm = partial(library("torch").nn.InstanceNorm2d, affine=False, track_running_stats=False)
    network = anime.UnetGenerator(3, 1, 8, 64, norm_layer=norm, use_dropout=False)
    file = ANIME.files[0]
    return anime.LineartAnimeDetector(filled(network, read_state(folder, file), file)).to(device)


PREPROCESSORS = (
    Preprocessor(
        key="lineart",
        label="lineart_realistic",
        run=aux_run(REALISTIC, loading(REALISTIC)),
        types=("Lineart",),
        weights=(REALISTIC,),
    ),
    Preprocessor(
        key="lineart_coarse",
        label="lineart_coarse",
        run=aux_run(COARSE, loading(COARSE)),
        types=("Lineart",),
        weights=(COARSE,),
    ),
    Preprocessor(
        key="lineart_anime",
        label="lineart_anime",
        run=aux_run(ANIME, load_anime),
        types=("Lineart",),
        weights=(ANIME,),
    ),
)
