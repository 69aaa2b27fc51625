// The source picture: replacing it, its size, the aspect-ratio overlay, sizes pasted as one text.
(() => {
  const OVERLAY_FOR = 2000; // milliseconds
  const PICTURES = ["img2img_image", "img_inpaint_base", "img_inpaint_mask", "pnginfo_image"];
  const LATENT_FACTOR = 8;

  const nextFrame = () => new Promise(requestAnimationFrame);

  // Hands `file` to an upload field; one that is busy with another file has its input back soon.
  redraw.putFile = async (id, file) => {
    const input = () => redraw.find(`#${id} input[type=file]`);
    for (let frame = 0; frame < 60 && !input(); frame += 1) await nextFrame();
    if (!input()) return;
    const transfer = new DataTransfer();
    transfer.items.add(file);
    input().files = transfer.files;
    input().dispatchEvent(new Event("change", { bubbles: true }));
  };

  const pictureIn = (transfer) =>
    [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/"));

  document.addEventListener(
    "drop",
    (event) => {
      const field = PICTURES.find((id) => event.target.closest?.(`#${id}`));
      const file = event.dataTransfer?.files[0];
      if (!field || !file) return;
      event.preventDefault();
      event.stopPropagation();
      redraw.putFile(field, file);
    },
    true,
  );
  document.addEventListener("dragover", (event) => {
    if (PICTURES.some((id) => event.target.closest?.(`#${id}`))) event.preventDefault();
  });

  document.addEventListener("paste", (event) => {
    if (event.defaultPrevented) return; // a canvas took it
    const file = pictureIn(event.clipboardData);
    const fields = PICTURES.filter((id) => redraw.visible(redraw.find(`#${id}`)));
    const field = fields.find((id) => !redraw.find(`#${id} img`)) ?? fields.at(-1);
    if (file && field) {
      event.preventDefault();
      redraw.putFile(field, file);
      return;
    }
    if (event.target.matches?.("#img2img_width input, #img2img_height input")) pasteSize(event);
  });

  const pasteSize = (event) => {
    const found = event.clipboardData.getData("text").match(/^\s*(\d+)[^\d]+(\d+)\s*$/);
    if (!found) return;
    event.preventDefault();
    redraw.setValue(redraw.numberBox("img2img_width"), found[1]);
    redraw.setValue(redraw.numberBox("img2img_height"), found[2]);
  };

  // The picture's own size, brought to what the sliders allow; without one, nothing changes.
  redraw.detectSize = (width, height) => {
    const size = redraw.sources.size();
    if (!size) return [width, height];
    const allowed = (side) =>
      Math.min(2048, Math.max(64, Math.round(side / LATENT_FACTOR) * LATENT_FACTOR));
    return [allowed(size.width), allowed(size.height)];
  };

  redraw.openSizeTab = (tab) => {
    const wanted = tab === 1 ? "Resize by" : "Resize to";
    for (const button of document.querySelectorAll("#img2img_tabs_resize [role=tab]"))
      if (button.textContent.trim() === wanted && button.ariaSelected !== "true") button.click();
  };

  const write = () => {
    const element = redraw.find("#img2img_scale_resolution_preview");
    if (!element) return;
    const { width, height } = redraw.sources.size() ?? {};
    const scale = Number(redraw.numberBox("img2img_scale")?.value ?? 1);
    const target = `${Math.trunc(width * scale)}x${Math.trunc(height * scale)}`;
    const place = element.querySelector(".resolution") ?? element;
    place.textContent = width ? `resize: from ${width}x${height} to ${target}` : "no image selected";
  };

  redraw.describeScale = () => requestAnimationFrame(() => requestAnimationFrame(write));

  // A picture's size is known once it has loaded; load events do not bubble, but are captured.
  document.addEventListener(
    "load",
    (event) => {
      if (event.target.closest?.("#mode_img2img")) write();
    },
    true,
  );

  let touched = -Infinity; // when the user last did something: restoring the form shows no overlay
  for (const kind of ["pointerdown", "pointermove", "keydown", "paste"])
    document.addEventListener(kind, () => (touched = performance.now()), true);

  let hiding = null;
  redraw.showAspectRatio = () => requestAnimationFrame(() => {
    const seen = redraw.sources.rectangle();
    if (!seen || performance.now() - touched > 1000) return;
    const [width, height] = ["img2img_width", "img2img_height"].map((id) =>
      Number(redraw.numberBox(id).value),
    );
    const scale = Math.min(seen.width / width, seen.height / height);
    const overlay = redraw.find("#imageARPreview") ?? document.createElement("div");
    overlay.id = "imageARPreview";
    Object.assign(overlay.style, {
      left: `${seen.left + scrollX + (seen.width - width * scale) / 2}px`,
      top: `${seen.top + scrollY + (seen.height - height * scale) / 2}px`,
      width: `${width * scale}px`,
      height: `${height * scale}px`,
      display: "block",
    });
    document.body.append(overlay);
    clearTimeout(hiding);
    hiding = setTimeout(() => (overlay.style.display = "none"), OVERLAY_FOR);
  });

  // Save: the picture that is large in the gallery, under its own file name.
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#save_img2img")) return;
    const picture = redraw.find("#img2img_gallery .preview img, #img2img_gallery img");
    if (!picture) return;
    const link = document.createElement("a");
    link.href = picture.src;
    link.download = decodeURIComponent(picture.src.split("/").at(-1));
    link.click();
  });
})();
