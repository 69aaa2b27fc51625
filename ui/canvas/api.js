// redraw.canvas: what the rest of the page, and Python's event steps, may call.
(() => {
  const { Drawing, PaintCanvas, SIDE, flood, listen } = redraw.paint;

  const canvases = new Map(); // element id -> PaintCanvas
  const waiting = new Map(); // element id -> what to put on a canvas that is not drawn yet
  const palettes = new Map(); // element id -> named colours

  // Draw the canvas of `options.id` into `element`. Gradio draws a tab when it is first opened,
  // and may draw it again: the canvas and what is on it are then moved over.
  const mount = async (element, options, server) => {
    const known = canvases.get(options.id);
    if (known) {
      known.server = server;
      element.replaceChildren(known.root);
      return;
    }
    const root = document.createElement("div");
    element.replaceChildren(root);
    const canvas = new PaintCanvas(root, options, server);
    canvases.set(options.id, canvas);
    if (palettes.get(options.id)) canvas.setPalette(palettes.get(options.id));
    await canvas.ready;
    if (waiting.has(options.id)) await place(canvas, waiting.get(options.id));
    waiting.delete(options.id);
  };

  const get = (id) => canvases.get(id) ?? null;

  // Whether its own tab is the open one, be that in sight or not.
  const inFront = ({ root }) => {
    const panel = root.closest("[role=tabpanel]");
    return !panel || getComputedStyle(panel).display !== "none";
  };

  // The canvas whose files an event takes, if it takes them. One that goes by values (`when`) may
  // not be drawn yet: what the browser kept of it is then read all the same.
  const wanted = async (args, { id, when, options }) => {
    if (!when) {
      const canvas = get(id);
      return canvas && inFront(canvas) ? canvas : null;
    }
    if (!when.every(([place, value]) => args[place] === value)) return null;
    if (!get(id)) await mount(document.createElement("div"), options, null);
    return get(id);
  };

  // The step before an event: `args` with the files of the canvases in front filled in and null
  // for the others. `places` = [{id, picture, drawing, when, options}], the numbers being places
  // in `args`, as in `when` = [[place, value]]; the last two are not there for most canvases.
  // An upload that fails is told on the canvas, which keeps everything, and fails the event.
  const collect = async (args, places) => {
    const filled = [...args];
    await Promise.all(
      places.map(async (place) => {
        const { id, picture, drawing } = place;
        [filled[picture], filled[drawing]] = [null, null];
        const canvas = await wanted(args, place);
        if (!canvas) return;
        try {
          const files = await canvas.deliver();
          [filled[picture], filled[drawing]] = [files.picture, files.drawing];
          canvas.bars.say("");
        } catch (error) {
          const sentence = `The drawing could not be sent: ${error.message}`;
          canvas.bars.say(sentence, true);
          throw new Error(sentence);
        }
      }),
    );
    return filled;
  };

  const fileAt = async (source, name) => {
    if (source instanceof File) return source;
    const blob = source instanceof Blob ? source : await (await fetch(source)).blob();
    const own = typeof source === "string" ? source.split(/[?#]/)[0].split("/").at(-1) : "";
    return new File([blob], name || decodeURIComponent(own) || "picture.png", { type: blob.type });
  };

  // A drawing from a picture file: a mask's strength is its gray, a sketch's its alpha.
  const drawingFrom = async (source, mode) => {
    const bitmap = await createImageBitmap(await fileAt(source));
    const drawing = new Drawing(bitmap.width, bitmap.height);
    const canvas = new OffscreenCanvas(SIDE, SIDE);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    drawing.tiles.forEach((_, index) => {
      const { left, top } = drawing.place(index);
      context.clearRect(0, 0, SIDE, SIDE);
      context.drawImage(bitmap, -left, -top);
      const { data } = context.getImageData(0, 0, SIDE, SIDE);
      if (mode === "mask")
        for (let at = 0; at < data.length; at += 4)
          data.set([0, 0, 0, Math.round((data[at] * data[at + 3]) / 255)], at);
      if (!redraw.paint.isBare(data)) drawing.tiles[index] = data;
    });
    return drawing;
  };

  const place = async (canvas, { file, drawing }) => {
    const painted = drawing instanceof Drawing || !drawing
      ? drawing
      : await drawingFrom(drawing, canvas.mode);
    await canvas.open(file, painted ?? null);
  };

  // Put a picture on canvas `id`, now or when its tab is first opened: a File, a Blob or an
  // address on this server. `drawing` is a Drawing, or a picture of one. Undo brings back what
  // was there.
  const put = async (id, source, { drawing = null, name = "" } = {}) => {
    const what = { file: await fileAt(source, name), drawing };
    const canvas = get(id);
    if (canvas) await place(canvas, what);
    else waiting.set(id, what);
  };

  // The picture on canvas `id` as a File: as it was opened, or with the drawing painted in.
  const picture = async (id, { drawing = false } = {}) => {
    const canvas = get(id);
    if (!canvas?.state) return null;
    canvas.settle();
    if (!drawing || canvas.drawing.blank) return canvas.state.file;
    const flat = flood.flatten(canvas.image, canvas.drawing);
    const blob = await new Promise((done) => flat.toBlob(done, "image/png"));
    const name = canvas.state.file.name.replace(/\.[^.]*$/, "");
    return new File([blob], `${name}.png`, { type: "image/png" });
  };

  // "Copy image to": the picture of one canvas to another, with the drawing if asked. Between two
  // sketches, or two masks, it stays a drawing; from a sketch to a mask it is painted into the
  // picture; a mask is never painted into a picture. `mode` is that of a canvas not drawn yet.
  const copy = async (from, to, { drawing = false, mode = get(to)?.mode } = {}) => {
    const source = get(from);
    if (!source?.state) return;
    source.settle();
    const alike = drawing && source.mode === mode;
    const painted = drawing && source.mode === "sketch" && !alike;
    const file = await picture(from, { drawing: painted });
    await put(to, file, { drawing: alike ? source.drawing.copy() : null });
  };

  // Offer named colours, [[name, "#rrggbb"]], on canvas `id`; none for null.
  const setPalette = (id, colors) => {
    if (colors === (palettes.get(id) ?? null)) return;
    palettes.set(id, colors);
    get(id)?.setPalette(colors);
  };

  // What Python sent: records of picture and drawing as Gradio's file fields hold them.
  const receive = (id, file, drawing) =>
    file && put(id, file.url, { name: file.orig_name, drawing: drawing?.url ?? null });

  // {width, height} of the picture on canvas `id`, null while there is none.
  const size = (id) => {
    const drawing = get(id)?.drawing;
    return drawing ? { width: drawing.width, height: drawing.height } : null;
  };

  listen(() => [...canvases.values()]);

  redraw.canvas = {
    mount, get, inFront, collect, put, picture, copy, setPalette, receive, size,
  };
})();
