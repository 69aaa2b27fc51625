"""The classes of diffusers and transformers that are used here, without types.

Their own type hints do not describe what they take and give (a tuple of four channels where the
hint says one, outputs without their fields), so that a type checker sees errors in correct code.
"""

from importlib import import_module
from typing import Any

_diffusers, _transformers = import_module("diffusers"), import_module("transformers")
_peft = import_module("peft")

AttnProcessor: Any = import_module("diffusers.models.attention_processor").AttnProcessor
AutoencoderKL: Any = _diffusers.AutoencoderKL
ControlNetModel: Any = _diffusers.ControlNetModel
DDIMScheduler: Any = _diffusers.DDIMScheduler
StableDiffusionControlNetPipeline: Any = _diffusers.StableDiffusionControlNetPipeline
StableDiffusionImg2ImgPipeline: Any = _diffusers.StableDiffusionImg2ImgPipeline
StableDiffusionInpaintPipeline: Any = _diffusers.StableDiffusionInpaintPipeline
StableDiffusionPipeline: Any = _diffusers.StableDiffusionPipeline
UNet2DConditionModel: Any = _diffusers.UNet2DConditionModel
CLIPTextConfig: Any = _transformers.CLIPTextConfig
CLIPTextModel: Any = _transformers.CLIPTextModel
CLIPTokenizer: Any = _transformers.CLIPTokenizer
LoraConfig: Any = _peft.LoraConfig
get_peft_model_state_dict: Any = _peft.get_peft_model_state_dict

Part = Any  # an instance of one of these
