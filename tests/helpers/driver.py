"""Redraw's page as a person handles it, for browser tests."""

import base64
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import JSHandle, Locator, Page, expect

from pipelines.requests import Img2ImgRequest
from tests.helpers.page import Running

READY = "body[data-ready]"


def png_bytes(image: Image.Image) -> bytes:
    """The picture as a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


class Driver:
    """One tab with the page in it."""

    def __init__(self, page: Page, running: Running) -> None:
        self.page = page
        self.running = running

    def open(self, query: str = "") -> None:
        """Load the page and wait until it is ready."""
        self.page.goto(f"{self.running.address}/{query}")
        self.page.wait_for_selector(READY)

    def forget(self) -> None:
        """Empty what the browser remembers."""
        self.page.goto(f"{self.running.address}/internal/ping")
        self.page.evaluate(
            """async () => {
                localStorage.clear();
                sessionStorage.clear();
                await new Promise((done) => {
                    const request = indexedDB.deleteDatabase("redraw-canvas");
                    request.onsuccess = request.onerror = request.onblocked = done;
                });
            }"""
        )

    def reload(self) -> None:
        """Load the page again."""
        self.page.reload()
        self.page.wait_for_selector(READY)

    def find(self, selector: str) -> Locator:
        """Elements by CSS selector."""
        return self.page.locator(selector)

    def open_tab(self, name: str) -> None:
        """Bring a tab to the front."""
        self.page.get_by_role("tab", name=name, exact=True).click()

    def upload(self, data: bytes, name: str = "picture.png", field: str = "img2img_image") -> None:
        """Put a file into an image field, and wait until the server has it."""
        with self.page.expect_response(lambda response: "/upload" in response.url):
            self.page.set_input_files(
                f"#{field} input[type=file]",
                {"name": name, "mimeType": "image/png", "buffer": data},
            )
        expect(self.find(f"#{field} img").first).to_be_attached()

    def remove_picture(self, field: str = "img2img_image") -> None:
        """Empty an image field."""
        self.find(f"#{field} button[aria-label='Remove Image']").click()
        expect(self.find(f"#{field} img")).to_have_count(0)

    def upload_picture(self, image: Image.Image) -> None:
        """Put a picture into the img2img field, and wait until it is shown."""
        self.upload(png_bytes(image))
        self.page.wait_for_function(
            "() => document.querySelector('#img2img_image img')?.naturalWidth > 0"
        )

    def open_source(self, tab: str) -> None:
        """Bring one of the tabs on which a job begins to the front."""
        self.find("#mode_img2img").get_by_role("tab", name=tab, exact=True).click()

    @property
    def request(self) -> Img2ImgRequest:
        """What the last job was asked for."""
        return self.running.painter.plans[-1].request

    def drop(self, selector: str, data: bytes, name: str, kind: str = "image/png") -> None:
        """Drop a file from the desktop on an element."""
        self.page.dispatch_event(
            selector, "drop", {"dataTransfer": self._transfer(data, name, kind)}
        )

    def paste_picture(self, image: Image.Image) -> None:
        """Press Ctrl+V with a picture in the clipboard and nothing in particular in focus."""
        self.page.evaluate(
            """(clipboardData) => document.body.dispatchEvent(
                new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true })
            )""",
            self._transfer(png_bytes(image), "image.png", "image/png"),
        )

    def _transfer(self, data: bytes, name: str, kind: str) -> JSHandle:
        return self.page.evaluate_handle(
            """([data, name, type]) => {
                const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
                const transfer = new DataTransfer();
                transfer.items.add(new File([bytes], name, { type }));
                return transfer;
            }""",
            [base64.b64encode(data).decode(), name, kind],
        )

    def paste_text(self, selector: str, text: str) -> None:
        """Paste a text into an element as Ctrl+V does."""
        self.page.evaluate(
            """([selector, text]) => {
                const clipboardData = new DataTransfer();
                clipboardData.setData("text", text);
                document.querySelector(selector).dispatchEvent(
                    new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true })
                );
            }""",
            [selector, text],
        )

    def number(self, field: str) -> Locator:
        """The number box of a slider or number field."""
        return self.find(f"#{field} input[type=number]")

    def set_number(self, field: str, value: object) -> None:
        """Type a number and leave the box."""
        self.number(field).fill(str(value))
        self.number(field).press("Tab")

    @property
    def prompt(self) -> Locator:
        """The prompt box."""
        return self.find("#img2img_prompt textarea")

    @property
    def log(self) -> Locator:
        """Time taken, and errors."""
        return self.find("#html_log_img2img")

    @property
    def infotext(self) -> Locator:
        """Parameters of the selected picture."""
        return self.find("#html_info_img2img")

    @property
    def progress(self) -> Locator:
        """The text on the progress bar."""
        return self.find("#img2img_progress .progress-text")

    def press_generate(self) -> None:
        """Press Generate, and nothing more."""
        self.find("#img2img_generate").click()

    def generate(self) -> None:
        """Press Generate and wait for the result."""
        self.press_generate()
        expect(self.log).to_contain_text("Time taken")

    def refused(self, sentence: str) -> None:
        """The log shows this refusal, in red and without a traceback."""
        expect(self.log.locator("p.error")).to_contain_text(sentence)
        expect(self.log).not_to_contain_text("Traceback")

    def choose(self, field: str, label: str) -> None:
        """Choose an entry of a menu."""
        menu = self.find(f"#{field} input")
        menu.click()
        options = self.find(f"#{menu.get_attribute('aria-controls')}")
        options.get_by_role("option", name=label, exact=True).click()

    def saved(self) -> list[Path]:
        """Pictures on disk, oldest first."""
        return sorted(self.running.context.outputs.glob("img2img-images/**/*.png"))
