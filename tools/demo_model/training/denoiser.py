"""The UNet and the text encoder, and the loss they are trained on."""

from pathlib import Path

import torch
from torch import Tensor, nn

from tools.demo_model.recipe import DenoiserRecipe
from tools.demo_model.training.batches import WHOLE
from tools.demo_model.training.library import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    DDIMScheduler,
    Part,
    UNet2DConditionModel,
)
from tools.demo_model.training.tokenizer import MAX_LENGTH


def build_scheduler() -> Part:
    """Stable Diffusion 1.5's noise schedule with v-prediction."""
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="v_prediction",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        timestep_spacing="leading",
    )


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
    return unet.to(memory_format=torch.channels_last)


class Denoiser(nn.Module):
    """Text encoder and UNet as one network that is trained jointly."""

    def __init__(self, recipe: DenoiserRecipe, tokenizer_folder: Path) -> None:
        super().__init__()
        self.tokenizer = CLIPTokenizer.from_pretrained(tokenizer_folder, local_files_only=True)
        self.text_encoder = build_text_encoder(recipe, self.tokenizer)
        self.unet = build_unet(recipe)
        self._alphas = build_scheduler().alphas_cumprod
        self._snr_cap = recipe.snr_cap

    def losses(
        self, latents: Tensor, captions: list[str], noise: Tensor, timesteps: Tensor
    ) -> Tensor:
        """The squared error of the predicted velocity for each sample.

        The velocity is that of Salimans & Ho 2022: sqrt(a) * noise - sqrt(1 - a) * latents.
        """
        signal = self._alphas[timesteps].view(-1, 1, 1, 1)
        noisy = signal.sqrt() * latents + (1 - signal).sqrt() * noise
        velocity = signal.sqrt() * noise - (1 - signal).sqrt() * latents
        with torch.autocast("cpu", torch.bfloat16):
            words = self.text_encoder(self._tokens(captions)).last_hidden_state
            noisy = noisy.contiguous(memory_format=torch.channels_last)
            predicted = self.unet(noisy, timesteps, words).sample
        return (predicted.float() - velocity).square().mean((1, 2, 3))

    def weights(self, timesteps: Tensor) -> Tensor:
        """The min-SNR weight of each sample, in its form for the velocity."""
        ratio = self._alphas[timesteps] / (1 - self._alphas[timesteps])
        return ratio.clamp(max=self._snr_cap) / (ratio + 1)

    def _tokens(self, captions: list[str]) -> Tensor:
        return self.tokenizer(
            captions,
            padding="max_length",
            max_length=MAX_LENGTH,
            truncation=True,
            return_tensors="pt",
        ).input_ids
