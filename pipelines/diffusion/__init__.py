"""Everything that needs torch and diffusers: a plan in, pictures out."""

from pipelines.diffusion.torchvision_ops import ensure_torchvision

# Before any module of this package imports transformers or diffusers.
ensure_torchvision()
