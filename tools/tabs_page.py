"""Makes the pictures of `docs/tabs.md` and the README with the demo model: `python -m
tools.tabs_page`.

Every picture goes through the same request, plan and run as one from the page; only the strokes
are drawn by code instead of by hand.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw

from extensions.discovery import discover
from pipelines.catalog.folders import Kind, folders_for
from pipelines.catalog.scan import FolderCatalog
from pipelines.control.menus import ControlMenus
from pipelines.control.models import ControlModels
from pipelines.control.units import ControlUnit
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
        models = (ROOT / "models",)
        checkpoints = folders_for(Kind.checkpoint, models)
        self._catalog = FolderCatalog(checkpoints, folders_for(Kind.vae, models), data / "cache")
        self._control = ControlMenus(
            plugins=discover(), models=ControlModels(folders_for(Kind.controlnet, models))
        )
        policy = choose_policy(medvram=False, lowvram=False, no_half_vae=False)
        diffusion = Diffusion(policy, models_dirs=models)
        self._production = Production(diffusion.denoise, Storage(data))
        self._styles = StyleBook(data / "styles.csv")

    def make(
        self,
        picture: Image.Image,
        prompt: str,
        strength: float,
        inpaint: Inpaint | None = None,
        seed: int = 1,
        control: tuple[ControlUnit, ...] = (),
    ) -> Image.Image:
        """One picture of 256x256 by the demo model."""
        request = Img2ImgRequest(
            init_image=picture,
            prompt=Prompt(positive=prompt),
            size=ResizeTo(width=SIDE, height=SIDE),
            inpaint=inpaint,
            sampling=Sampling(steps=20, cfg_scale=5, denoising_strength=strength),
            seeds=Seeds(seed=seed),
            control=control,
            model="demo",
        )
        settings = Settings(samples_save=False)
        plan = make_plan(request, settings, self._catalog, self._styles, control=self._control)
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
    """Draws all of them into docs/tabs."""
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


def doodle(studio: Studio) -> list[Image.Image]:
    """A few flat shapes, made a landscape."""
    flat = Image.new("RGB", (SIDE, SIDE), "#6fb4e8")
    pen = ImageDraw.Draw(flat)
    pen.rectangle((0, 140, SIDE, SIDE), fill="#5fa04a")
    pen.rectangle((60, 118, 136, 186), fill="#c8322a")
    pen.polygon([(52, 122), (98, 78), (144, 122)], fill="#4a2e2a")
    pen.ellipse((170, 84, 232, 142), fill="#2f8a3a")
    pen.rectangle((196, 136, 206, 186), fill="#5a3a26")
    return [flat, studio.make(flat, "a red house and a green tree on green hills, day", 0.7)]


def night(studio: Studio) -> list[Image.Image]:
    """The same place at another time."""
    before = _landscape(seed=11, time="day", terrain="mountains")
    return [before.picture, studio.make(before.picture, "mountains at night, stars", 1.0)]


def scribble(studio: Studio) -> list[Image.Image]:
    """White lines on black, obeyed by a ControlNet."""
    lines = Image.new("RGB", (SIDE, SIDE), "black")
    pen = ImageDraw.Draw(lines)
    pen.line([(0, 150), (70, 138), (150, 150), (SIDE, 134)], fill="white", width=5)
    pen.line([(70, 190), (70, 120), (110, 76), (150, 120), (150, 190), (70, 190)], "white", 5)
    pen.line([(70, 120), (150, 120)], fill="white", width=5)
    pen.ellipse((178, 24, 222, 68), outline="white", width=5)
    unit = ControlUnit(index=0, preprocessor="none", model="demo_scribble", images=(lines,))
    start = Image.new("RGB", (SIDE, SIDE), "gray")
    prompt = "a blue house on green hills, the sun, sunset"
    return [lines, studio.make(start, prompt, 1.0, control=(unit,))]


PAIRS = {
    "doodle": doodle,
    "night": night,
    "scribble": scribble,
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
