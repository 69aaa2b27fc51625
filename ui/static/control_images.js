// The pictures of ControlNet's units: what is done with them by the buttons below.
(() => {
  const { control } = redraw;
  const LARGEST = 2048; // as far as the sliders reach
  const FACTOR = 8;

  // As A1111 has it: down if the rest is at most half, else up.
  const rounded = (side) => {
    const rest = side % FACTOR;
    const whole = rest <= FACTOR / 2 ? side - rest : side - rest + FACTOR;
    return Math.min(LARGEST, Math.max(64, whole));
  };

  const sendSize = (index) => {
    const size = redraw.canvas.size(control.canvasId(index));
    if (!size) return;
    redraw.setValue(redraw.numberBox("img2img_width"), rounded(size.width));
    redraw.setValue(redraw.numberBox("img2img_height"), rounded(size.height));
  };

  const copySource = async (index) => {
    const file = await redraw.sources.file();
    if (file) await redraw.canvas.put(control.canvasId(index), file);
  };

  // A map takes the place of a unit's picture, and is not worked on again: the one that is shown as
  // its preview, or one that was made here (`control.useMap`).
  const made = new Map(); // unit -> File
  control.usePreview = async (index, preprocessor) => {
    const unchanged = { __type__: "update" };
    const shown = control.element(index, "generated_image")?.querySelector("img")?.src;
    const map = made.get(index) ?? shown;
    made.delete(index);
    if (!map) return [unchanged, unchanged, preprocessor];
    await redraw.canvas.put(control.canvasId(index), map, { name: "map.png" });
    return [true, 0, "none"];
  };
  control.useMap = (index, file) => {
    made.set(index, file);
    control.element(index, "use_preview")?.click();
  };

  const ACTIONS = {
    "cnet-new-canvas": (index) => redraw.canvas.get(control.canvasId(index))?.act("blank"),
    "cnet-copy-source": copySource,
    "cnet-send-size": sendSize,
    "cnet-webcam": (index) => control.webcam.toggle(index),
    "cnet-mirror": (index) => control.webcam.mirror(index),
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".cnet-unit button");
    if (!button) return;
    for (const [name, act] of Object.entries(ACTIONS))
      if (button.classList.contains(name)) act(control.unitOf(button));
  });

  // A preview is of a picture: it goes when that is painted on, or another one is opened.
  document.addEventListener("redraw:canvas", ({ detail }) => {
    const owner = control.unitOf(detail.id);
    for (const index of owner === null ? control.withoutOwnPicture() : [owner])
      if (control.element(index, "generated_image")?.querySelector("img"))
        control.element(index, "forget_preview")?.click();
  });

  // Whoever gives a unit a picture wants to use it.
  document.addEventListener("redraw:opened", ({ detail }) => {
    const index = control.unitOf(detail.id);
    if (index === null) return;
    const tick = control.element(index, "controlnet_enable_checkbox")?.querySelector("input");
    if (tick && !tick.checked) tick.click();
  });
})();
