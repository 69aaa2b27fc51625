"""The UNet and the text encoder, and the loss they are trained on."""

from pathlib import Path

import torch
from torch import Tensor, nn

from tools.demo_model.recipe import DenoiserRecipe
from tools.demo_model.training.batches import WHOLE
from tools.demo_model.training.library import (
    AttnProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    Part,
    UNet2DConditionModel,
)
from tools.demo_model.training.noise import diffuse
from tools.demo_model.training.tokenizer import MAX_LENGTH


def build_text_encoder(recipe: DenoiserRecipe, tokenizer: Part) -> Part:
    """An untrained text encoder; its embeddings start large, as a narrow model needs."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.text_width,
        intermediate_size=3 * recipe.text_width,
        projection_dim=recipe.text_width,
        num_hidden_layers=recipe.text_layers,
        num_attention_heads=recipe.text_heads,
        max_position_embeddings=MAX_LENGTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    encoder = CLIPTextModel(config)
    for name, parameter in encoder.named_parameters():
        if "token_embedding" in name:
            nn.init.normal_(parameter, std=0.3)
        if "position_embedding" in name:
            nn.init.normal_(parameter, std=0.1)
    return encoder


def build_unet(recipe: DenoiserRecipe) -> Part:
    """An untrained UNet that looks at the text on its two coarser levels."""
    coarser = len(recipe.channels) - 1
    unet = UNet2DConditionModel(
        sample_size=WHOLE,
        layers_per_block=1,
        block_out_channels=recipe.channels,
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * coarser),
        up_block_types=(*("CrossAttnUpBlock2D",) * coarser, "UpBlock2D"),
        cross_attention_dim=recipe.text_width,
        # diffusers' name for the number of heads
        attention_head_dim=recipe.heads,
        norm_num_groups=recipe.groups,
    )
    # The plain products are a third faster here than torch's fused attention with its gradient.
    unet.set_attn_processor(AttnProcessor())
    return unet.to(memory_format=torch.channels_last)


class Denoiser(nn.Module):
    """Text encoder and UNet as one network that is trained jointly."""

    def __init__(self, recipe: DenoiserRecipe, tokenizer_folder: Path) -> None:
        super().__init__()
        self.tokenizer = CLIPTokenizer.from_pretrained(tokenizer_folder, local_files_only=True)
        self.text_encoder = build_text_encoder(recipe, self.tokenizer)
        self.unet = build_unet(recipe)

    def losses(
        self, latents: Tensor, captions: list[str], noise: Tensor, timesteps: Tensor
    ) -> Tensor:
        """The squared error of the predicted velocity, of the same shape as `latents`."""
        noisy, velocity = diffuse(latents, noise, timesteps)
        with torch.autocast("cpu", torch.bfloat16):
            words = self.text_encoder(tokens(self.tokenizer, captions)).last_hidden_state
            predicted = self.unet(noisy, timesteps, words).sample
        return (predicted.float() - velocity).square()


class Frozen:
    """The finished text encoder and UNet, for what is trained on top of them."""

    def __init__(self, tokenizer_folder: Path, training_folder: Path) -> None:
        self.tokenizer = CLIPTokenizer.from_pretrained(tokenizer_folder, local_files_only=True)
        text_encoder = CLIPTextModel.from_pretrained(training_folder / "text_encoder")
        self.text_encoder = text_encoder.float().requires_grad_(False).eval()
        self.unet = open_unet(training_folder).requires_grad_(False)

    def words(self, captions: list[str]) -> Tensor:
        """What the UNet is told: count×77×width."""
        return self.text_encoder(tokens(self.tokenizer, captions)).last_hidden_state


def open_unet(training_folder: Path) -> Part:
    """The trained UNet in fp32, ready to be trained on."""
    unet = UNet2DConditionModel.from_pretrained(training_folder / "unet").float()
    unet.set_attn_processor(AttnProcessor())
    return unet.to(memory_format=torch.channels_last)


def tokens(tokenizer: Part, captions: list[str]) -> Tensor:
    """The token numbers of the captions: count×77."""
    return tokenizer(
        captions,
        padding="max_length",
        max_length=MAX_LENGTH,
        truncation=True,
        return_tensors="pt",
    ).input_ids
