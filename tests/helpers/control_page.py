"""A unit of the ControlNet accordion as a person handles it, for browser tests."""

from playwright.sync_api import Locator, expect

from pipelines.control.planned import PlannedUnit
from tests.helpers.canvas_page import Painter, Received
from tests.helpers.driver import Driver
from tests.helpers.models import write_safetensors

MODELS = ("control_v11p_sd15_canny", "control_v11p_sd15_openpose", "control_v11p_sd15_seg")


def install(redraw: Driver, *names: str) -> None:
    """Put models of these names where they are looked for, without looking."""
    folder = redraw.running.context.data_dir / "models" / "ControlNet"
    for name in names:
        write_safetensors(folder / f"{name}.safetensors")


def open_accordion(redraw: Driver) -> None:
    """Click on the accordion's title."""
    redraw.find("#controlnet > .label-wrap").click()
    expect(redraw.find("#img2img_controlnet_tabs")).to_be_visible()


def badge(redraw: Driver) -> str:
    """What stands beside the accordion's title."""
    return redraw.page.evaluate(
        "getComputedStyle(document.querySelector('#controlnet > .label-wrap > span'), '::after')"
        ".content"
    )


class Unit:
    """One unit of three, on the tab in front."""

    def __init__(self, redraw: Driver, index: int = 0) -> None:
        self.redraw = redraw
        self.index = index
        self.prefix = f"img2img_controlnet_ControlNet-{index}_"

    def find(self, name: str, inner: str = "") -> Locator:
        """An element of the unit by the end of its id, or what is inside of it."""
        return self.redraw.find(f"#{self.prefix}{name} {inner}".strip())

    def tick(self, name: str, *, on: bool = True) -> None:
        """Set a checkbox."""
        self.find(f"controlnet_{name}_checkbox", "input").set_checked(on)

    def choose_type(self, label: str) -> None:
        """Choose a control type."""
        radio = self.find("controlnet_type_filter_radio")
        radio.get_by_label(label, exact=True).check()

    def choose(self, menu: str, label: str) -> None:
        """Choose an entry of a menu."""
        self.redraw.choose(f"{self.prefix}controlnet_{menu}_dropdown", label)

    def shows(self, menu: str, label: str) -> None:
        """Wait until a menu shows this entry, or one that begins so."""
        found = self.find(f"controlnet_{menu}_dropdown", "input")
        self.redraw.page.wait_for_function(
            "([element, label]) => element.value.startsWith(label)",
            arg=[found.element_handle(), label],
        )

    def entries(self, menu: str) -> list[str]:
        """What a menu lists."""
        box = self.find(f"controlnet_{menu}_dropdown", "input")
        box.click()
        listed = self.redraw.find(f"#{box.get_attribute('aria-controls')}")
        expect(listed).to_be_visible()
        texts = listed.get_by_role("option").all_inner_texts()
        box.press("Escape")
        box.blur()  # the menu opens again when it gains the focus, and not by a click alone
        expect(listed).to_have_count(0)
        return [text.replace("✓", "").strip() for text in texts]

    def slider(self, name: str) -> Locator:
        """The number box of a slider."""
        return self.find(f"controlnet_{name}_slider", "input[type=number]")

    @property
    def canvas(self) -> Painter:
        """The unit's own picture, once it is drawn."""
        name = f"{self.prefix}input_image"
        self.redraw.page.wait_for_function("(id) => redraw.canvas.get(id)", arg=name)
        return Painter(self.redraw.page, Received(), name)

    @property
    def preview(self) -> Locator:
        """The map that the preprocessor made."""
        return self.find("generated_image", "img")

    def run(self) -> None:
        """Press the button beside the menu of preprocessors."""
        self.find("controlnet_trigger_preprocessor").click()

    def find_models(self, name: str) -> None:
        """Press Refresh, and wait until a model of this name has been found."""
        self.find("controlnet_refresh_models").click()
        self.redraw.page.wait_for_function(
            "(name) => document.querySelector('#controlnet_table :is(textarea, input)')"
            ".value.includes(name)",
            arg=name,
        )

    def ready(self) -> None:
        """Enable it with canny and its model."""
        self.choose_type("Canny")
        self.shows("model", MODELS[0])
        self.tick("enable")

    @property
    def planned(self) -> PlannedUnit:
        """What the last job was given of the first enabled unit."""
        return self.redraw.running.painter.plans[-1].control[0]
