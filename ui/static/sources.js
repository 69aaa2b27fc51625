// The tabs on which a job begins: which one is in front, what is on it, and copying from one to
// another or from the results.
(() => {
  const TABS = [
    { title: "img2img", panel: "img2img_img2img_tab", image: "img2img_image" },
    { title: "Sketch", panel: "img2img_img2img_sketch_tab", canvas: "img2img_sketch", paint: "sketch" },
    { title: "Inpaint", panel: "img2img_inpaint_tab", canvas: "img2maskimg", paint: "mask" },
    { title: "Inpaint sketch", panel: "img2img_inpaint_sketch_tab", canvas: "inpaint_sketch", paint: "sketch" },
    { title: "Inpaint upload", panel: "img2img_inpaint_upload_tab", image: "img_inpaint_base" },
    { title: "Batch", panel: "img2img_batch_tab" },
  ]; // in the order of the hidden field `mode`

  const holding = (id) => TABS.find((tab) => tab.image === id || tab.canvas === id);

  // ---- which tab is in front

  const isOpen = ({ panel }) => {
    const element = redraw.find(`#${panel}`);
    return element && getComputedStyle(element).display !== "none";
  };
  const inFront = () => TABS.find(isOpen) ?? TABS[0];

  // Tabs that find no room stand in the strip's own menu.
  const open = ({ title }) => {
    redraw.openTab("img2img");
    const wrapper = "#mode_img2img > .tab-wrapper";
    const buttons = `${wrapper} [role=tab], ${wrapper} .overflow-dropdown button`;
    for (const button of document.querySelectorAll(buttons))
      if (button.textContent.trim() === title) button.click();
  };

  const openMode = (mode) => {
    const tab = TABS[mode];
    if (!tab) return;
    document.body.dataset.mode = mode; // for the style, which shows what belongs to the tab
    if (!isOpen(tab)) open(tab);
    redraw.describeScale();
  };

  const openBatch = (source) => {
    const wanted = source === 1 ? "From directory" : "Upload";
    for (const button of document.querySelectorAll("#img2img_batch_source [role=tab]"))
      if (button.textContent.trim() === wanted && button.ariaSelected !== "true") button.click();
  };

  // ---- what is on it

  const imageOf = ({ image }) => {
    const element = image && redraw.find(`#${image} img`);
    return element?.naturalWidth ? element : null;
  };

  // {width, height} of the picture on the tab in front, null while there is none.
  const size = () => {
    const tab = inFront();
    if (tab.canvas) return redraw.canvas.size(tab.canvas);
    const element = imageOf(tab);
    return element && { width: element.naturalWidth, height: element.naturalHeight };
  };

  const intersect = (one, other) => {
    const [left, top] = [Math.max(one.left, other.left), Math.max(one.top, other.top)];
    const right = Math.min(one.right, other.right);
    const bottom = Math.min(one.bottom, other.bottom);
    return right > left && bottom > top ? { left, top, width: right - left, height: bottom - top } : null;
  };

  // Where on the screen the picture on the tab in front is seen; null while it is not.
  const rectangle = () => {
    const tab = inFront();
    if (tab.canvas) {
      const view = redraw.find(`#${tab.canvas} .canvas-view`);
      const picture = view?.querySelector(".canvas-picture");
      if (!redraw.visible(view) || !picture) return null;
      return intersect(picture.getBoundingClientRect(), view.getBoundingClientRect());
    }
    const element = imageOf(tab);
    if (!redraw.visible(element)) return null;
    // Inside its letterboxed element.
    const box = element.getBoundingClientRect();
    const scale = Math.min(box.width / element.naturalWidth, box.height / element.naturalHeight);
    const [width, height] = [element.naturalWidth * scale, element.naturalHeight * scale];
    const [left, top] = [box.left + (box.width - width) / 2, box.top + (box.height - height) / 2];
    return { left, top, width, height };
  };

  // ---- sending it with Generate

  let refused = ""; // why the last drawing could not be sent

  // The step before Generate: `args` with what `collect` adds to them, and in `place` the tab that
  // is in front now, which the field `mode` may not have heard of yet.
  const submit = async (args, place, collect) => {
    refused = "";
    const sent = args.with(place, TABS.indexOf(inFront()));
    try {
      return await collect(...sent);
    } catch (error) {
      refused = error.message;
      throw error;
    }
  };

  // What the log says of a job that was not taken; `other` if it was not for a drawing.
  const refusal = (other) => {
    if (!refused) return other;
    const line = document.createElement("p");
    Object.assign(line, { className: "error", role: "alert", textContent: refused });
    return line.outerHTML;
  };

  // ---- copying

  const nameIn = (url) => decodeURIComponent(url.split(/[?#]/)[0].split("/").at(-1));

  const fileAt = async (url) => {
    const blob = await (await fetch(url)).blob();
    return new File([blob], nameIn(url) || "picture.png", { type: blob.type });
  };

  // A canvas has an undo of its own; of the plain field, the picture before is kept here.
  let replacing = null; // {before: promise of a File or null, address}: about to be replaced
  let undo = null; // {before, address of what replaced it}
  const offerUndo = (offer) => {
    undo = offer;
    document.body.dataset.copied = offer ? "true" : "false";
  };

  // From now on, the next picture that arrives on the plain field can be taken back.
  const keepPicture = () => {
    const address = imageOf(TABS[0])?.src ?? null;
    replacing = { before: address && fileAt(address), address };
    offerUndo(null);
  };

  const putImage = (file) => {
    keepPicture();
    return redraw.putFile(TABS[0].image, file);
  };

  const undoCopy = async () => {
    if (!undo) return;
    const before = await undo.before;
    offerUndo(null);
    if (before) await redraw.putFile(TABS[0].image, before);
    else redraw.find(`#${TABS[0].image} button[aria-label="Remove Image"]`)?.click();
  };

  // A picture has arrived on the plain field; load events do not bubble, but are captured.
  document.addEventListener(
    "load",
    (event) => {
      const { target } = event;
      if (!target.closest?.(`#${TABS[0].image}`)) return;
      if (replacing && target.src !== replacing.address)
        offerUndo({ before: replacing.before, address: target.src });
      else if (undo && target.src !== undo.address) offerUndo(null);
      replacing = null;
    },
    true,
  );

  // The picture of the field or canvas `from` to that called `to`, whose tab is then opened.
  const copy = async (from, to) => {
    const [source, target] = [holding(from), holding(to)];
    const drawing = redraw.find(`#${from}_copy_drawing input`)?.checked ?? false;
    if (source.canvas && target.canvas)
      await redraw.canvas.copy(from, to, { drawing, mode: target.paint });
    else if (source.canvas) {
      const file = await redraw.canvas.picture(from, { drawing });
      if (file) await putImage(file);
    } else if (imageOf(source)) await redraw.canvas.put(to, await fileAt(imageOf(source).src));
    open(target);
  };

  // The picture on the tab in front as a File, with the colours painted on it; null for none.
  const file = async () => {
    const tab = inFront();
    if (tab.canvas) return redraw.canvas.picture(tab.canvas, { drawing: tab.paint === "sketch" });
    const element = imageOf(tab);
    return element && fileAt(element.src);
  };

  // The picture that is large in the gallery.
  const shownResult = () =>
    redraw.find("#img2img_gallery .preview img, #img2img_gallery img");

  // The file of that picture, as it was saved, to a canvas.
  const send = async (to) => {
    const picture = shownResult();
    if (!picture) return;
    await redraw.canvas.put(to, await fileAt(picture.src));
    open(holding(to));
  };

  // The plain field gets its picture from the server.
  const sendToImg2img = (args) => {
    if (shownResult()) {
      keepPicture();
      open(TABS[0]);
    }
    return args;
  };

  const SENDING = {
    img2img_send_to_sketch: "img2img_sketch",
    img2img_send_to_inpaint: "img2maskimg",
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    if (!button) return;
    if (button.matches(".copy-to")) copy(...button.id.split("_copy_to_"));
    else if (button.id === "img2img_undo_copy") undoCopy();
    else if (SENDING[button.id]) send(SENDING[button.id]);
  });

  document.addEventListener("redraw:canvas", () => redraw.describeScale());

  // A new canvas is as large as the result.
  redraw.canvas.usualSize = () => ({
    width: redraw.numberBox("img2img_width")?.value,
    height: redraw.numberBox("img2img_height")?.value,
  });

  redraw.sources = {
    open, openMode, openBatch, size, file, rectangle, submit, refusal, sendToImg2img,
  };
})();
