"""The same job again with only the seed changed: what it costs beside the networks.

Measured from the request to the end of the job, saving included, less the time inside the UNet and
the VAE's decoder. No picture and no text may be encoded again, though each click brings the source
picture as a new object.
"""

import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import Stopwatch, arguments, spread, verdict, workshop

LIMIT_MS = 50.0


def main() -> int:
    """Print the median time outside the networks, and how often anything was encoded."""
    options = arguments(__doc__ or "", repeats=9)
    outside: list[float] = []
    with workshop() as shop:
        shop.run(seed=0, size=options.size, steps=options.steps)
        parts = shop.model().components
        unet, decode, encode, texts = (Stopwatch() for _ in range(4))
        vae, encoder, network = parts.vae, parts.text_encoder, parts.unet
        vae.decode, vae.encode = decode.around(vae.decode), encode.around(vae.encode)
        for part, watch in ((network, unet), (encoder, texts)):
            setattr(part, "forward", watch.around(getattr(part, "forward")))  # noqa: B009, B010 as torch does
        for seed in range(1, options.repeats + 1):
            before = unet.seconds + decode.seconds
            total = shop.run(seed=seed, size=options.size, steps=options.steps)
            outside.append(total - (unet.seconds + decode.seconds - before))
    print(f"{options.size}x{options.size}, {options.steps} steps, {options.repeats} clicks")
    print(f"outside UNet and VAE decode: {spread(outside)}")
    print(f"picture encodings: {encode.calls}, text encodings: {texts.calls}")
    status = verdict("second click", median(outside) * 1e3, LIMIT_MS, " ms")
    return 1 if encode.calls or texts.calls else status


if __name__ == "__main__":
    sys.exit(main())
