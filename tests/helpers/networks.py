"""Networks of detectors: their real architecture, random weights, saved as they are published."""

import functools
from pathlib import Path
from typing import Any

import torch

from extensions.detectors.loading import library
from pipelines.plugins import Weights

State = dict[str, Any]


def save(folder: Path, weights: Weights, *states: State) -> None:
    """One state dict for each file of `weights`, where they are looked for below `folder`."""
    for file, state in zip(weights.files, states, strict=True):
        path = folder / weights.name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, path)


def from_several_devices(state: State) -> State:
    """Names as training on several devices leaves them."""
    return {f"module.{name}": tensor for name, tensor in state.items()}


def hed() -> State:
    return library("controlnet_aux.hed").ControlNetHED_Apache2().state_dict()


def pidinet() -> State:
    network = library("controlnet_aux.pidi").pidinet()
    return {"state_dict": from_several_devices(network.state_dict())}


def lineart() -> State:
    return library("controlnet_aux.lineart").Generator(3, 1, 3).state_dict()


def lineart_anime() -> State:
    anime = library("controlnet_aux.lineart_anime")
    norm = functools.partial(torch.nn.InstanceNorm2d, affine=False, track_running_stats=False)
    network = anime.UnetGenerator(3, 1, 8, 64, norm_layer=norm, use_dropout=False)
    return from_several_devices(network.state_dict())


def mlsd() -> State:
    large = library("controlnet_aux.mlsd.models.mbv2_mlsd_large")
    return large.MobileV2_MLSD_Large().state_dict()


def teed() -> State:
    return library("controlnet_aux.teed.ted").TED().state_dict()


def normal_bae() -> State:
    from extensions.preprocessors.normal_bae import SETTINGS

    network = library("controlnet_aux.normalbae.nets.NNET").NNET(SETTINGS)
    return {"model": from_several_devices(network.state_dict())}


def midas() -> State:
    network = library("controlnet_aux.midas.midas.dpt_depth").DPTDepthModel(
        path=None, backbone="vitb_rn50_384", non_negative=True
    )
    # Random weights may find everything infinitely far; this brings it near.
    network.scratch.output_conv[4].bias.data.fill_(1)
    return network.state_dict()


def zoe() -> State:
    zoe = library("controlnet_aux.zoe")
    network = zoe.ZoeDepth.build_from_config(zoe.get_config("zoedepth", "infer"))
    return {"model": network.state_dict()}


def leres() -> State:
    models = library("controlnet_aux.leres.leres.multi_depth_model_woauxi")
    network = models.RelDepthModel(backbone="resnext101")
    return {"depth_model": from_several_devices(network.state_dict())}


def leres_merging() -> State:
    networks = library("controlnet_aux.leres.pix2pix.models.networks")
    with torch.device("meta"):  # of 80 million numbers, only the shapes: drawing them takes a while
        network = networks.define_G(2, 1, 64, "unet_1024", "none", False, "normal", 0.02, [])
    shapes = network.state_dict().items()
    return {name: torch.randn(tensor.shape).mul_(0.02) for name, tensor in shapes}


def openpose() -> tuple[State, State, State]:
    """Body, hand and face; the first two are published without the names of their groups."""
    models = library("controlnet_aux.open_pose.model")
    body, hand = (
        {name.partition(".")[2]: tensor for name, tensor in network.state_dict().items()}
        for network in (models.bodypose_model(), models.handpose_model())
    )
    return body, hand, library("controlnet_aux.open_pose.face").FaceNet().state_dict()


def mobile_sam() -> State:
    return library("controlnet_aux.segment_anything").sam_model_registry["vit_t"]().state_dict()
