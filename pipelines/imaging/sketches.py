"""Strokes of colour on a picture: laid on, and softened as A1111's Inpaint sketch does."""

from PIL import Image, ImageFilter

from pipelines.errors import InvalidPicture
from pipelines.imaging.colours import to_rgb
from pipelines.imaging.geometry import Size


def paint(image: Image.Image, layer: Image.Image, background: str = "#ffffff") -> Image.Image:
    """`layer` (RGBA, transparent where nothing is drawn) over `image` (any mode): RGB in sRGB.

    InvalidPicture when their sizes differ.
    """
    if layer.size != image.size:
        raise InvalidPicture(
            f"The drawing is {Size.of(layer.size)} and the picture below it "
            f"{Size.of(image.size)}; they must be of one size."
        )
    painted = to_rgb(image, background)
    strokes = layer.convert("RGBA")
    painted.paste(strokes, mask=strokes.getchannel("A"))
    return painted


def soften(
    painted: Image.Image, original: Image.Image, mask: Image.Image, blur: tuple[int, int]
) -> Image.Image:
    """Blurred strokes that fade into `original`: the picture that Inpaint sketch starts from.

    `painted` and `original` are RGB and of one size, as is `mask` (L): the changed pixels, less
    their transparency, not inverted. `blur` is the mask blur in pixels, across and down; here
    it is Pillow's Gaussian, and not the one that blurs the mask for everything else.
    """
    softly = ImageFilter.GaussianBlur(blur)
    return Image.composite(painted.filter(softly), original, mask.filter(softly))
