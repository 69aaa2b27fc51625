"""LoRAs and embeddings as far as the catalogue can see: headers with hardly any weights."""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path

Shapes = Mapping[str, tuple[int, ...]]

SD1_LORA: Shapes = {
    "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": (
        1,
        768,
    )
}


def write_network(
    path: Path,
    metadata: Mapping[str, object] | None = None,
    shapes: Shapes = SD1_LORA,
    fill: int = 0,
) -> Path:
    """A sound safetensors file of bytes, all of them `fill`, with metadata in its header."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + prod(shape)
        header[name] = {"dtype": "U8", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes([fill]) * end)
    return path
