"""What the parameter text says of embeddings."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from pipelines import infotext
from pipelines.monitor import Monitor, Unwatched
from pipelines.plan import Plan
from pipelines.produce import Production
from pipelines.requests import Batch, Prompt
from pipelines.results import DenoisedBatch
from pipelines.settings import Settings
from pipelines.storage import Storage
from tests.helpers.plans import plan_for

HASHES = {"dusk": "0123456789ab", "a, b:c": "fedcba987654"}


@pytest.mark.parametrize("wanted", [True, False])
def test_hashes_are_written_by_name_if_the_settings_want_them(wanted: bool):
    settings = Settings().with_changes({"textual_inversion_add_hashes_to_infotext": wanted})
    expected = (("TI hashes", "dusk: 0123456789ab, a bc: fedcba987654"),)
    assert infotext.embedding_fields(HASHES, settings) == (expected if wanted else ())
    assert infotext.embedding_fields({}, settings) == ()


def test_they_stand_behind_the_emphasis_as_in_a1111():
    plan = plan_for(prompt=Prompt(positive="(dusk:1.2)"), settings={"emphasis": "No norm"})
    text = infotext.write(plan, plan.images[0], extra=(("TI hashes", "dusk: 01"), ("More", "x")))
    assert ', Emphasis: No norm, TI hashes: "dusk: 01", More: x, Version: ' in text
    assert infotext.parse(text).fields["TI hashes"] == "dusk: 01"


def test_a_picture_is_saved_with_the_hashes_of_its_batch(tmp_path: Path):
    def denoise(plan: Plan, monitor: Monitor) -> Iterator[DenoisedBatch]:
        picture = Image.new("RGB", (512, 512))
        for images, hashes in zip(plan.batches, ({"dusk": "01"}, {}), strict=True):
            yield DenoisedBatch(
                images=tuple((image, picture) for image in images),
                init_image=picture,
                embeddings=hashes,
            )

    plan = plan_for(batch=Batch(count=2))
    result = Production(denoise, Storage(tmp_path))(plan, Unwatched())
    assert ["TI hashes" in picture.infotext for picture in result.pictures] == [True, False]
