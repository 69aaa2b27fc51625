"""What a batch decides once for all files, and the plan of each file."""

from pathlib import Path

import pytest
from PIL import Image

from pipelines.batch.files import InputFile, Masks, list_masks
from pipelines.batch.folders import AllowedFolders
from pipelines.batch.plan import STAND_IN_MASK, FileBatch
from pipelines.batch.png_info import Parameter, PngInfo
from pipelines.errors import InvalidPicture, InvalidRequest, ModelNotFound
from pipelines.imaging.geometry import Size
from pipelines.infotext import write
from pipelines.requests import (
    Batch,
    Inpaint,
    InpaintArea,
    Prompt,
    ResizeBy,
    Sampling,
    Seeds,
    SoftInpainting,
)
from pipelines.storage import Storage
from tests.helpers.batches import batch_for, batch_plan, files_in, write_pictures
from tests.helpers.images import assert_same_picture, gradient
from tests.helpers.jobs import plan_for
from tests.helpers.plans import OneCheckpoint


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_pictures(tmp_path / "in", "1.png", "2.png", "3.png")


def write_infotext(path: Path, **parts) -> None:
    """A picture with the parameters of a job like this."""
    plan = plan_for(**parts)
    storage = Storage(path.parent / "data")
    text = write(plan, plan.images[0])
    storage.save_picture(gradient(), text, plan.images[0], plan).replace(path)


def test_a_random_seed_is_drawn_once_for_all_files(folder):
    plan = batch_plan(batch_for(files_in(folder), seeds=Seeds(seed=-1)))
    seeds = [plan.plan_file(file).plan.images[0].seed for file in files_in(folder)]
    assert set(seeds) == {plan.images[0].seed}
    assert 0 <= seeds[0] < 2**32


def test_a_random_variation_seed_is_drawn_once_too(folder):
    seeds = Seeds(seed=7, variation_seed=-1, variation_strength=0.5)
    plan = batch_plan(batch_for(files_in(folder), seeds=seeds))
    files = [plan.plan_file(file).plan.images[0] for file in files_in(folder)]
    assert {image.seed for image in files} == {7}
    assert {image.variation_seed for image in files} == {plan.images[0].variation_seed}


def test_each_file_becomes_the_init_picture_of_the_same_request(folder):
    gradient(80, 48).save(folder / "2.png")
    wanted = batch_for(files_in(folder), prompt=Prompt(positive="a cat"), seeds=Seeds(seed=3))
    plan = batch_plan(wanted)
    for file, size in zip(files_in(folder), ((64, 64), (80, 48), (64, 64)), strict=True):
        planned = plan.plan_file(file)
        assert_same_picture(planned.plan.request.init_image, gradient(*size))
        assert planned.plan.prompt.positive == "a cat"
        assert planned.plan.size == Size(64, 64)
        assert planned.notes == ()


def test_resize_by_is_worked_out_for_every_file(folder):
    gradient(200, 100).save(folder / "1.png")
    gradient(333, 111).save(folder / "2.png")
    plan = batch_plan(batch_for(files_in(folder), size=ResizeBy(scale=1.5)))
    sizes = [plan.plan_file(file).plan.size for file in files_in(folder)]
    assert sizes == [Size(300, 150), Size(499, 166), Size(96, 96)]


def test_a_scale_that_suits_no_stand_in_is_left_to_the_files(folder):
    gradient(1300, 1300).save(folder / "1.png")
    plan = batch_plan(batch_for(files_in(folder), size=ResizeBy(scale=0.05)))
    assert plan.plan_file(files_in(folder)[0]).plan.size == Size(65, 65)
    with pytest.raises(InvalidRequest, match=r"Scale 0\.05 makes a picture of 3x3"):
        plan.plan_file(files_in(folder)[1])


def test_a_mistake_in_the_form_is_refused_before_the_job_waits(folder):
    with pytest.raises(InvalidRequest, match="Sampling method 'magic' is not known"):
        batch_plan(batch_for(files_in(folder), sampling=Sampling(sampler="magic")))
    with pytest.raises(ModelNotFound):
        batch_plan(batch_for(files_in(folder), model="unicorn"), OneCheckpoint())


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(InvalidRequest, match="holds no file"):
        batch_for(())


def test_no_grid_is_made_and_results_with_a_folder_are_saved(folder, tmp_path):
    plain = batch_plan(batch_for(files_in(folder)), samples_save=False)
    assert not plain.settings.grid_save
    assert not plain.settings.return_grid
    assert not plain.settings.samples_save
    sent = batch_plan(
        batch_for(files_in(folder), more={"output": tmp_path / "out"}), samples_save=False
    )
    assert sent.settings.samples_save
    assert sent.plan_file(files_in(folder)[0]).plan.settings == sent.settings


def test_settings_for_this_job_count_for_every_file(folder):
    wanted = batch_for(files_in(folder), override_settings={"CLIP_stop_at_last_layers": 2})
    plan = batch_plan(wanted)
    assert plan.settings.CLIP_stop_at_last_layers == 2
    assert plan.plan_file(files_in(folder)[0]).plan.settings.CLIP_stop_at_last_layers == 2


@pytest.mark.parametrize("count", [1, 3])
def test_seeds_count_up_within_a_file_and_begin_anew_with_the_next(folder, count):
    wanted = batch_for(files_in(folder), seeds=Seeds(seed=10), batch=Batch(count=count, size=2))
    plan = batch_plan(wanted)
    for file in files_in(folder):
        images = plan.plan_file(file).plan.images
        assert [image.seed for image in images] == list(range(10, 10 + 2 * count))


# Masks


def inpaint(**parts) -> Inpaint:
    return Inpaint(mask=STAND_IN_MASK, **parts)


def masked(folder: Path, masks: Masks, **parts) -> FileBatch:
    return batch_for(files_in(folder), more={"masks": masks}, inpaint=inpaint(**parts))


def test_every_file_gets_its_own_mask(folder, tmp_path):
    for number in (1, 2, 3):
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.new("L", (64, 64), number).save(tmp_path / "masks" / f"{number}.png")
    plan = batch_plan(masked(folder, list_masks(tmp_path / "masks"), blur_x=9, padding=8))
    for number, file in enumerate(files_in(folder), 1):
        request = plan.plan_file(file).plan.request
        assert request.inpaint is not None
        assert request.inpaint.mask.getpixel((0, 0)) == number
        assert (request.inpaint.blur_x, request.inpaint.padding) == (9, 8)
        assert request.inpaint.area is InpaintArea.whole_picture


def test_a_single_mask_is_for_all_files(folder, tmp_path):
    (tmp_path / "masks").mkdir()
    Image.new("L", (64, 64), 200).save(tmp_path / "masks" / "one.png")
    plan = batch_plan(masked(folder, list_masks(tmp_path / "masks")))
    for file in files_in(folder):
        wanted = plan.plan_file(file).plan.request.inpaint
        assert wanted is not None
        assert wanted.mask.getpixel((0, 0)) == 200


def test_a_mask_may_be_the_alpha_of_a_picture(folder, tmp_path):
    (tmp_path / "masks").mkdir()
    Image.new("RGBA", (64, 64), (255, 255, 255, 129)).save(tmp_path / "masks" / "one.png")
    rounded = batch_plan(masked(folder, list_masks(tmp_path / "masks")))
    soft = batch_plan(masked(folder, list_masks(tmp_path / "masks"), soft=SoftInpainting()))
    values = []
    for plan in (rounded, soft):
        wanted = plan.plan_file(files_in(folder)[0]).plan.request.inpaint
        assert wanted is not None
        values.append(wanted.mask.getpixel((0, 0)))
    assert values == [255, 129]


def test_a_file_without_a_mask_is_refused(folder, tmp_path):
    masks = list_masks(write_pictures(tmp_path / "masks", "1.png", "3.png"))
    plan = batch_plan(masked(folder, masks))
    with pytest.raises(InvalidPicture, match=r"There is no mask for it: no file 2\.\* among"):
        plan.plan_file(files_in(folder)[1])


def test_a_broken_mask_is_named(folder, tmp_path):
    masks = list_masks(write_pictures(tmp_path / "masks", "broken.png"))
    with pytest.raises(InvalidPicture, match=r"Its mask broken.png cannot be used\. broken.png is"):
        batch_plan(masked(folder, masks)).plan_file(files_in(folder)[0])


def test_a_mask_that_is_a_link_out_is_not_opened(folder, tmp_path):
    write_pictures(tmp_path / "private", "secret.png")
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "one.png").symlink_to(tmp_path / "private" / "secret.png")
    wanted = batch_for(
        files_in(folder),
        more={
            "masks": list_masks(tmp_path / "masks"),
            "folders": AllowedFolders(roots=(folder, tmp_path / "masks")),
        },
        inpaint=inpaint(),
    )
    with pytest.raises(InvalidPicture, match="leads out of the allowed folders"):
        batch_plan(wanted).plan_file(files_in(folder)[0])


def test_masks_and_the_forms_values_go_together(folder, tmp_path):
    masks = list_masks(write_pictures(tmp_path / "masks", "1.png"))
    with pytest.raises(InvalidRequest, match="takes both"):
        batch_for(files_in(folder), more={"masks": masks})
    with pytest.raises(InvalidRequest, match="takes both"):
        batch_for(files_in(folder), inpaint=inpaint())


# PNG info


def with_info(folder: Path, info: PngInfo, **more) -> FileBatch:
    return batch_for(
        files_in(folder),
        more={"png_info": info, **more},
        prompt=Prompt(positive="oil"),
        seeds=Seeds(seed=1),
    )


def test_each_file_is_asked_for_its_own_parameters(folder):
    for number in (1, 2):
        write_infotext(
            folder / f"{number}.png",
            prompt=Prompt(positive=f"p{number}"),
            seeds=Seeds(seed=100 + number),
        )
    info = PngInfo(parameters=frozenset({Parameter.prompt, Parameter.seed}))
    plan = batch_plan(with_info(folder, info))
    planned = [plan.plan_file(InputFile(path=folder / f"{n}.png", name=f"{n}.png")) for n in (1, 2)]
    assert [file.plan.prompt.positive for file in planned] == ["oil p1", "oil p2"]
    assert [file.plan.images[0].seed for file in planned] == [101, 102]
    bare = plan.plan_file(InputFile(path=folder / "3.png", name="3.png"))
    assert bare.plan.prompt.positive == "oil"
    assert bare.plan.images[0].seed == 1
    assert bare.notes == ("It has no PNG info, so only the form's values count.",)


def test_parameters_may_lie_in_another_folder(folder, tmp_path):
    other = tmp_path / "info"
    other.mkdir()
    write_infotext(other / "2.png", prompt=Prompt(positive="other"))
    (other / "broken.png").write_bytes(b"")
    info = PngInfo(parameters=frozenset({Parameter.prompt}), folder=other)
    plan = batch_plan(with_info(folder, info))
    one, two = (plan.plan_file(file) for file in files_in(folder)[:2])
    assert (one.plan.prompt.positive, two.plan.prompt.positive) == ("oil", "oil other")
    assert one.notes
    assert not two.notes


def test_broken_parameters_are_named(folder, tmp_path):
    other = write_pictures(tmp_path / "info", "1.png")
    (other / "1.png").write_bytes(b"")
    info = PngInfo(parameters=frozenset({Parameter.prompt}), folder=other)
    with pytest.raises(InvalidPicture, match=r"Its PNG info 1.png cannot be used\. 1.png is empty"):
        batch_plan(with_info(folder, info)).plan_file(files_in(folder)[0])


def test_parameters_are_not_read_through_a_link_out(folder, tmp_path):
    write_pictures(tmp_path / "private", "secret.png")
    (tmp_path / "info").mkdir()
    (tmp_path / "info" / "1.png").symlink_to(tmp_path / "private" / "secret.png")
    info = PngInfo(parameters=frozenset({Parameter.prompt}), folder=tmp_path / "info")
    folders = AllowedFolders(roots=(tmp_path / "info",))
    plan = batch_plan(with_info(folder, info, folders=folders, uploaded=True))
    with pytest.raises(InvalidPicture, match="leads out of the allowed folders"):
        plan.plan_file(files_in(folder)[0])
    assert plan.plan_file(files_in(folder)[1]).notes, "an upload itself may lie anywhere"


def test_a_file_of_a_folder_is_not_opened_through_a_link_out(folder, tmp_path):
    write_pictures(tmp_path / "private", "secret.png")
    (folder / "0.png").symlink_to(tmp_path / "private" / "secret.png")
    wanted = batch_for(files_in(folder), more={"folders": AllowedFolders(roots=(folder,))})
    with pytest.raises(InvalidPicture, match="leads out of the allowed folders"):
        batch_plan(wanted).plan_file(files_in(folder)[0])
