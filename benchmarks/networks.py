"""5,000 LoRAs: how long they take to be listed once they are known, and a page of cards of them."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import arguments, spread, verdict
from pipelines.catalog.cards import Selection, cards_of_networks, select
from pipelines.catalog.folders import Kind
from pipelines.catalog.networks import FolderNetworks

FILES = 5_000
TAGS = 500  # in each header, as kohya's trainer writes them
LIMIT_SECONDS = 1.0


def main() -> int:
    """Print the first listing, the median of later ones, and of a search through the cards."""
    options = arguments(__doc__ or "", repeats=5)
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write_files(root / "Lora")

        def make() -> FolderNetworks:
            networks = FolderNetworks([root / "Lora"], Kind.lora, root / "cache")
            assert len(networks.files()) == FILES
            return networks

        print(f"{FILES} files, first scan: {seconds(make):.2f} s")
        later = [seconds(make) for _ in range(options.repeats)]
        cards = cards_of_networks(make())
        found = [seconds(lambda: select(cards, Selection(search="style 49"))) for _ in later]
    print(f"listed again: {spread(later)}")
    print(f"searched and sorted: {spread(found)}")
    return verdict("listing", median(later), LIMIT_SECONDS, " s")


def write_files(folder: Path) -> None:
    """Files as LoRAs are, but for their weights."""
    tags = json.dumps({"a": {f"a tag, number {number}": number for number in range(TAGS)}})
    metadata = {
        "ss_output_name": "style",
        "ss_base_model_version": "sd_v1",
        "ss_tag_frequency": tags,
    }
    tensor = {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}
    header = json.dumps({"__metadata__": metadata, "lora_unet.lora_down.weight": tensor}).encode()
    content = len(header).to_bytes(8, "little") + header + b"\0"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"style {number}.safetensors").write_bytes(content)


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
