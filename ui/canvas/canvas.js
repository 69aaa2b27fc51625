// One canvas: a picture, the drawing on it, and everything that can be done to both.
(() => {
  const {
    Bars, Drawing, History, Memory, Pointer, Popovers, Settings, Upload, View,
    MAX_SIZE, TOOLS, changeAll, clamp, encode, layShape, select, wordOf,
  } = redraw.paint;
  const SAVED_AFTER = 300; // milliseconds without a change
  const MASK_PAINT = [0, 0, 0]; // only the alpha of a mask's paint counts

  const bytesOf = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  const hex = (bytes) => `#${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;

  // The decoded picture of a file, as an image element.
  const decode = async (file) => {
    const image = new Image();
    const url = URL.createObjectURL(file);
    image.src = url;
    try {
      await image.decode();
    } catch {
      const name = file.name || "The file";
      throw new Error(`${name} is not a picture that this browser can show.`);
    } finally {
      URL.revokeObjectURL(url);
    }
    return image;
  };

  class PaintCanvas {
    // `root` is empty; `options` = {id, mode: "sketch" or "mask", label, color, height, aside};
    // `server.select` answers questions about the picture.
    constructor(root, options, server) {
      const { id, mode, aside } = options;
      Object.assign(this, { root, server, id, mode, aside });
      this.preferences = new Settings(options.id, options.mode, options.color);
      this.tool = "brush";
      this.palette = null; // [[name, "#rrggbb"]]
      this.state = null; // {file, image, drawing, upload}
      this.history = new History();
      this.memory = new Memory(this.id);
      this.version = 0; // of the drawing, counted up with every change
      this.sent = { version: -1, upload: null }; // the drawing as it was last encoded
      Object.assign(root, { className: `canvas canvas-${this.mode}`, role: "group" });
      root.ariaLabel = options.label;
      root.style.setProperty("--canvas-height", `${options.height}px`);
      const element = document.createElement("div");
      element.className = "canvas-view";
      element.tabIndex = 0;
      element.role = "application";
      element.ariaLabel = `${options.label}: drawing area`;
      this.view = new View(element, this.mode);
      this.popovers = new Popovers(this, element);
      this.bars = new Bars(this, root, element);
      this.pointer = new Pointer(this);
      this.view.moved = () => this.bars.showZoom();
      this.chooser = document.createElement("input");
      Object.assign(this.chooser, { type: "file", accept: "image/*", hidden: true });
      this.chooser.addEventListener("change", () => {
        const [file] = this.chooser.files;
        this.chooser.value = "";
        if (file) this.open(file);
      });
      root.append(this.chooser);
      this.showMask();
      this.bars.show();
      this.ready = this.restore();
    }

    get drawing() {
      return this.state?.drawing ?? null;
    }

    get image() {
      return this.state?.image ?? null;
    }

    // ---- the picture

    // Put `file` on the canvas, with a drawing of its size on it if one is given. Undoable.
    async open(file, drawing = null) {
      this.bars.say("Opening…");
      try {
        if (file.type === "image/svg+xml") throw new Error("SVG drawings cannot be used here.");
        const image = await decode(file);
        const [width, height] = [image.naturalWidth, image.naturalHeight];
        const fits = drawing && drawing.width === width && drawing.height === height;
        const state = {
          file,
          image,
          drawing: fits ? drawing : new Drawing(width, height),
          upload: new Upload(file),
        };
        this.replace(state);
        document.dispatchEvent(new CustomEvent("redraw:opened", { detail: { id: this.id } }));
        state.upload.ready().catch(() => {
          // Tried again, and told, when the picture is needed.
        });
      } catch (error) {
        this.bars.say(error.message, true);
      }
    }

    replace(state) {
      this.settle();
      this.history.push({ picture: [this.state, state] });
      this.show(state);
    }

    show(state) {
      this.state = state;
      this.lastPoint = null;
      this.view.show(this.image, this.drawing);
      if (state) this.preferences.fit(this.drawing);
      this.bars.say("");
      this.changed();
    }

    remove() {
      if (this.state) this.replace(null);
    }

    async newBlank(width, height, color) {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [width, height];
      const context = canvas.getContext("2d");
      context.fillStyle = color;
      context.fillRect(0, 0, width, height);
      const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
      if (blob) await this.open(new File([blob], "blank.png", { type: "image/png" }));
      else this.bars.say(`This browser cannot make a canvas of ${width} × ${height}.`, true);
    }

    async restore() {
      const kept = await this.memory.load();
      if (!kept || this.state) return;
      try {
        const image = await decode(kept.file);
        this.show({ ...kept, image, upload: new Upload(kept.file) });
      } catch {
        // What was kept is damaged: begin with nothing.
      }
    }

    // ---- changes

    // Take an edit into the history; null if it changed nothing.
    commit(entry) {
      if (!entry) return;
      this.history.push(entry);
      this.changed();
    }

    changed() {
      this.version += 1;
      this.saveSoon();
      this.bars.show();
      document.dispatchEvent(new CustomEvent("redraw:canvas", { detail: { id: this.id } }));
    }

    // Not during a stroke: its tiles are still written to, and would count as kept half painted.
    saveSoon() {
      clearTimeout(this.saving);
      const save = () => (this.pointer.gesture ? this.saveSoon() : this.save());
      this.saving = setTimeout(save, SAVED_AFTER);
    }

    // A stroke that is still being made ends here.
    save() {
      this.settle();
      clearTimeout(this.saving);
      return this.memory.save(this.state);
    }

    // End a stroke that is still being made.
    settle() {
      this.pointer.finish();
    }

    step(direction) {
      this.pointer.cancel();
      const [entry, side] = this.history[direction]() ?? [];
      if (!entry) return;
      if (entry.picture) {
        this.show(entry.picture[side]);
        return;
      }
      for (const [index, pair] of entry.tiles) this.drawing.tiles[index] = pair[side];
      this.view.paint();
      this.changed();
    }

    // Clear, fill or invert: `change(drawing)` works on all of it.
    changeAll(change) {
      if (!this.state) return;
      this.settle();
      this.commit(changeAll(this.drawing, change));
      this.view.paint();
    }

    // Ask the server what to select; the answer is one more stroke.
    async selectBy(question) {
      const { state } = this;
      this.bars.say("Selecting…");
      try {
        const picture = await state.upload.ready();
        const found = await select(this.server, { ...question, picture });
        if (this.state !== state) return;
        const ink = this.ink(this.settings.subtract);
        layShape(this, { ...ink, opacity: 1 }, (shapes) => shapes.bytes(found.box, found.bytes));
        this.bars.say("");
      } catch (error) {
        this.bars.say(error.message, true);
      }
    }

    // ---- tools and their settings

    choose(name) {
      const tool = TOOLS.find((one) => one.name === name);
      if (!tool || (tool.only && tool.only !== this.mode)) return;
      if (name === "picker" && this.tool !== "picker") this.toolBefore = this.tool;
      this.tool = name;
      this.bars.show();
      this.pointer.hover();
    }

    // A colour was picked: back to painting with it.
    pickedColor() {
      if (this.tool === "picker") this.choose(this.toolBefore ?? "brush");
    }

    get settings() {
      return this.preferences.all;
    }

    brush(erase) {
      return this.preferences.brush(erase);
    }

    radius(erase, event) {
      return this.preferences.radius(erase, event);
    }

    // The fields' values for the tool in hand.
    values() {
      return { ...this.settings, ...this.brush(this.tool === "eraser") };
    }

    set(name, value, typing = null) {
      this.preferences.set(name, value, this.tool === "eraser");
      if (name.startsWith("mask")) this.showMask();
      this.bars.show(typing);
      this.pointer.hover();
    }

    // While `on`, pressing moves the view, whichever tool is chosen.
    hold(on) {
      this.panning = on;
      this.root.classList.toggle("canvas-panning", on);
      this.pointer.hover();
    }

    growBrush(factor) {
      const { size } = this.values();
      const grown = Math.round(size * factor);
      const next = grown === size ? size + Math.sign(factor - 1) : grown;
      this.set("size", clamp(next, 1, MAX_SIZE));
    }

    ink(erase) {
      return {
        color: this.mode === "mask" ? MASK_PAINT : bytesOf(this.settings.color),
        opacity: this.brush(erase && this.tool === "eraser").opacity / 100,
        erase,
      };
    }

    get subtracts() {
      return this.settings.subtract;
    }

    // How paint looks on the screen.
    get shownColor() {
      return this.mode === "mask" ? this.settings.maskColor : this.settings.color;
    }

    get shownOpacity() {
      const { opacity } = this.settings.brush;
      return (opacity / 100) * (this.mode === "mask" ? this.settings.maskOpacity / 100 : 1);
    }

    showMask() {
      if (this.mode === "mask")
        this.view.showMask(this.settings.maskColor, this.settings.maskOpacity / 100);
    }

    setColor(color) {
      this.set("color", color);
    }

    // Named colours to choose from, as the palette takes them; null for none.
    setPalette(colors) {
      this.palette = colors;
      this.popovers.palette.fill(colors);
      this.bars.show();
    }

    // What is seen at a whole pixel, as "#rrggbb": the drawing over the picture.
    colorAt({ x, y }) {
      const sample = new OffscreenCanvas(1, 1).getContext("2d");
      sample.drawImage(this.image, -x, -y);
      const under = sample.getImageData(0, 0, 1, 1).data;
      const [red, green, blue, alpha] = this.drawing.pixel(x, y);
      const over = [red, green, blue].map((value, channel) =>
        Math.round((value * alpha + under[channel] * (255 - alpha)) / 255),
      );
      return hex(over);
    }

    async pickFromScreen() {
      try {
        this.setColor((await new window.EyeDropper().open()).sRGBHex);
        this.pickedColor();
      } catch {
        // Escape was pressed.
      }
    }

    // ---- the view

    get isFull() {
      return this.root.classList.contains("canvas-full");
    }

    toggleFull() {
      this.root.classList.toggle("canvas-full");
      this.view.fit();
      this.bars.show();
    }

    // The button or key called `name`.
    act(name) {
      const actions = {
        undo: () => this.step("undo"),
        redo: () => this.step("redo"),
        clear: () => this.changeAll((drawing) => drawing.tiles.fill(null)),
        fill: () => this.changeAll((drawing) => drawing.flood(wordOf(MASK_PAINT))),
        invert: () => this.changeAll((drawing) => drawing.invert(wordOf(MASK_PAINT))),
        open: () => this.chooser.click(),
        blank: () => this.popovers.toggle("blank"),
        remove: () => this.remove(),
        minus: () => this.view.zoom(1 / 1.25),
        plus: () => this.view.zoom(1.25),
        actual: () => this.view.actual(),
        fit: () => this.view.fit(),
        full: () => this.toggleFull(),
        help: () => this.popovers.toggle("help"),
        palette: () => this.popovers.toggle("palette"),
        close: () => this.popovers.close(),
        screen: () => this.pickFromScreen(),
      };
      if (actions[name]) actions[name]();
      else if (name in this.settings) this.set(name, !this.settings[name]);
    }

    // ---- for the server

    // The server's records of picture and drawing, null where there is none: uploaded if the
    // server does not have them, the drawing only if something is drawn.
    async deliver() {
      this.settle();
      if (!this.state) return { picture: null, drawing: null };
      const { upload, drawing } = this.state;
      const layer = drawing.blank ? null : this.layer();
      const [picture, painted] = await Promise.all([upload.ready(), layer?.ready() ?? null]);
      return { picture, drawing: painted };
    }

    // The drawing as it is now, encoded once for as long as it stays as it is.
    layer() {
      if (this.sent.version !== this.version) {
        const file = encode(this.drawing, this.mode === "mask");
        this.sent = { version: this.version, upload: new Upload(file) };
      }
      return this.sent.upload;
    }
  }

  redraw.paint.PaintCanvas = PaintCanvas;
})();
