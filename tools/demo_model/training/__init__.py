"""From pictures to the committed folder: tokenizer, VAE, latents, UNet, export, samples."""

import pipelines.diffusion  # noqa: F401 lets torchvision load, before diffusers is imported here
