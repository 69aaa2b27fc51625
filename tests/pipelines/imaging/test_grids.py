"""Contact sheets, cell by cell."""

import pytest
from PIL import Image

from pipelines.errors import InvalidPicture
from pipelines.imaging.grids import contact_sheet, count_rows
from tests.helpers.images import assert_same_picture, noise, plain


@pytest.mark.parametrize(
    ("count", "rows", "batch_size", "full", "expected"),
    [
        (1, -1, 1, False, 1),
        (2, -1, 1, False, 1),
        (3, -1, 1, False, 2),
        (6, -1, 1, False, 2),
        (7, -1, 1, False, 3),
        (100, -1, 1, False, 10),
        (6, -1, 1, True, 2),
        (7, -1, 1, True, 1),
        (9, -1, 1, True, 3),
        (12, -1, 1, True, 3),
        (8, 0, 4, False, 4),
        (2, 0, 4, False, 2),
        (8, 5, 1, False, 5),
        (8, 16, 1, False, 8),
        (12, 5, 1, True, 5),
    ],
)
def test_rows_are_counted_as_a1111_counts_them(count, rows, batch_size, full, expected):
    assert count_rows(count, rows, batch_size, prevent_empty_spots=full) == expected


def test_pictures_go_row_by_row_and_empty_spots_show_the_background():
    images = [noise(8, 6, seed=seed) for seed in range(5)]
    sheet = contact_sheet(images, background="#102030")
    assert sheet.size == (24, 12)
    for index, image in enumerate(images):
        left, top = index % 3 * 8, index // 3 * 6
        assert_same_picture(sheet.crop((left, top, left + 8, top + 6)), image)
    assert_same_picture(sheet.crop((16, 6, 24, 12)), plain("#102030", 8, 6))


def test_a_smaller_picture_sits_in_the_middle_of_its_cell():
    sheet = contact_sheet([plain("#000000", 10, 4), plain("#ff0000", 4, 8)], rows=1)
    assert sheet.size == (20, 8)
    expected = Image.new("RGB", (20, 8), "white")
    expected.paste("#000000", (0, 2, 10, 6))
    expected.paste("#ff0000", (13, 0, 17, 8))
    assert_same_picture(sheet, expected)


def test_a_sheet_beyond_reason_is_refused():
    with pytest.raises(InvalidPicture, match="at most 200 megapixels"):
        contact_sheet([Image.new("RGB", (20000, 1)), Image.new("RGB", (1, 20000))])
