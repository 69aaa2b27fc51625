"""Makes the pictures of `docs/tabs.md` with the demo model: `python -m tools.tabs_page`.

Every picture goes through the same request, plan and run as one from the page; only the strokes
are drawn by code instead of by hand.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw

from pipelines.catalog.folders import Kind, folders_for
from pipelines.catalog.scan import FolderCatalog
from pipelines.diffusion.device import choose_policy
from pipelines.diffusion.run import Diffusion
from pipelines.imaging.masks import changed_pixels, mask_from_picture
from pipelines.imaging.sketches import paint
from pipelines.monitor import Unwatched
from pipelines.plan import make_plan
from pipelines.produce import Production
from pipelines.requests import (
    Img2ImgRequest,
    Inpaint,
    MaskedContent,
    Prompt,
    ResizeTo,
    Sampling,
    Seeds,
)
from pipelines.settings import Settings
from pipelines.storage import Storage
from pipelines.styles import StyleBook
from tools.demo_model.render import render
from tools.demo_model.scene import Choices

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "tabs"
SIDE = 256
GAP = 8


class Studio:
    """The demo model, ready to carry requests out."""

    def __init__(self, data: Path) -> None:
        checkpoints = folders_for(Kind.checkpoint, (ROOT / "models",))
        vaes = folders_for(Kind.vae, (ROOT / "models",))
        self._catalog = FolderCatalog(checkpoints, vaes, data / "cache")
        diffusion = Diffusion(choose_policy(medvram=False, lowvram=False, no_half_vae=False))
        self._production = Production(diffusion.denoise, Storage(data))
        self._styles = StyleBook(data / "styles.csv")

    def make(
        self,
        picture: Image.Image,
        prompt: str,
        strength: float,
        inpaint: Inpaint | None = None,
        seed: int = 1,
    ) -> Image.Image:
        """One picture of 256x256 by the demo model."""
        request = Img2ImgRequest(
            init_image=picture,
            prompt=Prompt(positive=prompt),
            size=ResizeTo(width=SIDE, height=SIDE),
            inpaint=inpaint,
            sampling=Sampling(steps=20, cfg_scale=5, denoising_strength=strength),
            seeds=Seeds(seed=seed),
            model="demo",
        )
        plan = make_plan(request, Settings(samples_save=False), self._catalog, self._styles)
        return self._production(plan, Unwatched()).pictures[0].image


@dataclass(frozen=True, kw_only=True)
class Before:
    """A drawn landscape, and what was painted on it: strokes on a transparent layer."""

    picture: Image.Image
    layer: Image.Image

    @property
    def painted(self) -> Image.Image:
        """The landscape with the strokes on it."""
        return paint(self.picture, self.layer)


def main() -> None:
    """Draws all five pairs into docs/tabs."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        studio = Studio(Path(folder))
        for name, make in PAIRS.items():
            pictures = make(studio)
            sheet = Image.new("RGB", (len(pictures) * (SIDE + GAP) - GAP, SIDE), "white")
            for number, picture in enumerate(pictures):
                sheet.paste(picture.convert("RGB"), (number * (SIDE + GAP), 0))
            sheet.save(TARGET / f"{name}.png")


def sketch(studio: Studio) -> list[Image.Image]:
    """A moon painted into a night sky."""
    before = _landscape(seed=8, time="night", terrain="hills")
    ImageDraw.Draw(before.layer).ellipse((150, 24, 196, 70), fill="#f4f0d8")
    return [before.painted, studio.make(before.painted, "the moon, green hills, night", 0.45)]


def inpaint(studio: Studio) -> list[Image.Image]:
    """A house on a hill, under a mask."""
    before = _landscape(seed=5, time="day", terrain="hills")
    ImageDraw.Draw(before.layer).rounded_rectangle((84, 116, 190, 214), 14, fill="#ffffff")
    job = Inpaint(mask=before.layer.getchannel("A"), content=MaskedContent.fill)
    after = studio.make(before.picture, "a red house on green hills, day", 0.95, job)
    return [before.painted, after]


def inpaint_sketch(studio: Studio) -> list[Image.Image]:
    """A boat in flat colours, made to belong to its sea."""
    before = _landscape(seed=4, time="day", terrain="sea")
    pen = ImageDraw.Draw(before.layer)
    pen.polygon([(80, 188), (178, 188), (164, 210), (94, 210)], fill="#7a4e34")
    pen.polygon([(126, 104), (126, 180), (174, 180)], fill="#ffffff")
    pen.polygon([(120, 114), (120, 180), (88, 180)], fill="#e8e8e8")
    job = Inpaint(mask=changed_pixels(before.painted, before.picture), painted=before.painted)
    after = studio.make(before.picture, "a sailboat by the sea, day", 0.55, job)
    return [before.painted, after]


def inpaint_upload(studio: Studio) -> list[Image.Image]:
    """Another sky, by a mask out of a file."""
    before = _landscape(seed=2, time="day", terrain="mountains")
    ImageDraw.Draw(before.layer).rectangle((0, 0, SIDE, 100), fill="#ffffff")
    mask = mask_from_picture(before.layer)
    job = Inpaint(mask=mask, content=MaskedContent.fill)
    after = studio.make(before.picture, "mountains, sunset, orange sky", 0.9, job, seed=4)
    return [before.picture, mask, after]


def batch(studio: Studio) -> list[Image.Image]:
    """Two files with one prompt."""
    files = [_landscape(seed=number, time="day", terrain="desert").picture for number in (3, 9)]
    made = [studio.make(one, "desert, night, stars", 0.8) for one in files]
    return [*files, *made]


PAIRS = {
    "sketch": sketch,
    "inpaint": inpaint,
    "inpaint_sketch": inpaint_sketch,
    "inpaint_upload": inpaint_upload,
    "batch": batch,
}


def _landscape(*, seed: int, time: str, terrain: str) -> Before:
    drawn = render(seed, Choices(time=time, terrain=terrain, season="summer", objects=()))
    layer = Image.new("RGBA", (SIDE, SIDE), (255, 255, 255, 0))
    return Before(picture=Image.fromarray(drawn.picture), layer=layer)


if __name__ == "__main__":
    main()
