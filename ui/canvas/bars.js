// The bars around the view: tools on the left, their options above, the view's own row below.
(() => {
  const { TOOLS, icon } = redraw.paint;
  const MAX_SIZE = 1024; // brush diameter in pixels of the picture
  const STEPS = 1000; // of the size slider, which is finer for small brushes

  const sizeAt = (step) => Math.max(1, Math.round(MAX_SIZE ** (step / STEPS)));
  const stepOf = (size) => Math.round((STEPS * Math.log(size)) / Math.log(MAX_SIZE));

  // Fields of the upper bar. `kind` is how it looks; the rest is what it says and how far it goes.
  const FIELDS = {
    color: { kind: "color", label: "Colour" },
    palette: { kind: "action", action: "palette", label: "Named colours" },
    screen: { kind: "action", action: "screen", label: "Pick a colour from anywhere on the screen" },
    size: { kind: "slider", label: "Size", hint: "Brush size in pixels of the picture ([ and ])", least: 1, most: MAX_SIZE },
    softness: { kind: "slider", label: "Soft", hint: "Softness of the edge in percent", least: 0, most: 100 },
    opacity: { kind: "slider", label: "Opacity", hint: "Opacity of the paint in percent", least: 1, most: 100 },
    tolerance: { kind: "slider", label: "Tolerance", hint: "How different a colour may be, from 0 to 255", least: 0, most: 255 },
    pressure: { kind: "toggle", label: "A pen's pressure changes the size" },
    subtract: { kind: "toggle", label: "Take away instead of adding (X)" },
    connected: { kind: "toggle", label: "Only what is connected with the clicked place" },
    loop: { kind: "toggle", icon: "lasso", label: "Draw a line around the object instead of a rectangle" },
  };

  const button = (action, label, { shape = action, toggle = false } = {}) => {
    const element = document.createElement("button");
    element.type = "button";
    element.className = "canvas-button";
    element.dataset.action = action;
    element.title = element.ariaLabel = label;
    if (toggle) element.ariaPressed = "false";
    element.innerHTML = icon(shape);
    return element;
  };

  const group = (...children) => {
    const element = document.createElement("div");
    element.className = "canvas-group";
    element.append(...children);
    return element;
  };

  const bar = (className, label, ...children) => {
    const element = document.createElement("div");
    element.className = className;
    element.role = "toolbar";
    element.ariaLabel = label;
    element.append(...children);
    return element;
  };

  const swatch = (name, label) => {
    const element = document.createElement("label");
    element.className = "canvas-swatch";
    element.title = label;
    element.innerHTML = `<input type="color" data-field="${name}" aria-label="${label}">`;
    return element;
  };

  // A slider that is its own label: the value is the filled part, and can be typed as well.
  const slider = (name, { label, hint, least, most }) => {
    const element = document.createElement("div");
    element.className = "canvas-slider";
    element.dataset.slider = name;
    element.title = hint;
    const steps = name === "size" ? `min="0" max="${STEPS}"` : `min="${least}" max="${most}"`;
    element.innerHTML = `
      <input type="range" data-field="${name}" ${steps} step="1" aria-label="${hint}">
      <span>${label}</span>
      <input type="number" data-number="${name}" min="${least}" max="${most}" step="1"
        aria-label="${hint}" autocomplete="off">`;
    return element;
  };

  const field = (name) => {
    const spec = FIELDS[name];
    if (spec.kind === "color") return swatch(name, spec.label);
    if (spec.kind === "slider") return slider(name, spec);
    const shape = spec.icon ?? name;
    const element = button(spec.action ?? name, spec.label, { shape, toggle: spec.kind === "toggle" });
    if (spec.kind === "toggle") element.dataset.toggle = name;
    return element;
  };

  class Bars {
    // Draws the bars of `canvas` into its root around `view`, an element.
    constructor(canvas, root, view) {
      this.canvas = canvas;
      this.root = root;
      const mask = canvas.mode === "mask";
      const options = group(...Object.keys(FIELDS).map(field));
      options.classList.add("canvas-options");
      const change = group(
        button("undo", "Undo (Ctrl+Z)"),
        button("redo", "Redo (Ctrl+Y)"),
        ...(mask
          ? [button("fill", "Mask everything"), button("invert", "Invert mask")]
          : []),
        button("clear", mask ? "Clear mask (Delete)" : "Clear the drawing (Delete)"),
      );
      const tools = TOOLS.filter((tool) => !tool.only || tool.only === canvas.mode).map((tool) => {
        const label = `${tool.label} (${tool.key.toUpperCase()})`;
        const element = button("tool", label, { shape: tool.name, toggle: true });
        element.dataset.tool = tool.name;
        return element;
      });
      const strip = bar("canvas-tools", "Tools", ...tools);
      strip.ariaOrientation = "vertical";
      const middle = document.createElement("div");
      middle.className = "canvas-middle";
      middle.append(strip, view);
      root.append(
        bar("canvas-bar canvas-bar-top", "Tool options", options, change),
        middle,
        bar("canvas-bar canvas-bar-bottom", "Picture and view", ...this.lower(mask)),
      );
      this.listen();
    }

    lower(mask) {
      const files = group(
        button("open", "Open a picture (or drop or paste one)"),
        button("blank", "New blank canvas"),
        button("remove", "Remove the picture"),
      );
      const info = document.createElement("span");
      info.className = "canvas-info";
      info.role = "status";
      this.info = info;
      const percent = button("actual", "One to one (1)");
      percent.classList.add("canvas-percent");
      percent.textContent = "100%";
      this.percent = percent;
      const zoom = group(
        button("minus", "Zoom out (-)"),
        percent,
        button("plus", "Zoom in (+)"),
        button("fit", "Fit the window (R)"),
        button("full", "Fullscreen (S)", { toggle: true }),
        button("help", "Help: mouse, touch and keys (?)"),
      );
      if (!mask) return [files, info, zoom];
      const shown = group(
        swatch("maskColor", "Colour in which the mask is shown"),
        slider("maskOpacity", {
          label: "Mask",
          hint: "How strongly the mask is shown, in percent",
          least: 0,
          most: 100,
        }),
      );
      shown.classList.add("canvas-shown");
      return [files, info, shown, zoom];
    }

    listen() {
      const { canvas, root } = this;
      root.addEventListener("click", (event) => {
        const { action, tool } = event.target.closest("button")?.dataset ?? {};
        // After a click with the mouse the keys belong to the view: Space moves it again.
        if ((action || tool) && event.detail) canvas.view.element.focus({ preventScroll: true });
        if (tool) canvas.choose(tool);
        else if (action) canvas.act(action);
      });
      root.addEventListener("input", (event) => {
        const { field: name, number } = event.target.dataset;
        const value = event.target.value;
        if (name === "size") canvas.set("size", sizeAt(Number(value)));
        else if (name) canvas.set(name, event.target.type === "range" ? Number(value) : value);
        else if (number && value !== "" && event.target.validity.valid)
          canvas.set(number, Number(value), event.target);
      });
      // A number that makes no sense is put back when the field is left.
      root.addEventListener("focusout", (event) => {
        if (event.target.dataset.number) this.show();
      });
    }

    // Bring every field and button in line with the canvas; `typing` is left alone.
    show(typing = null) {
      const { canvas, root } = this;
      const tool = TOOLS.find(({ name }) => name === canvas.tool);
      const open = canvas.state !== null;
      root.dataset.using = canvas.tool;
      root.classList.toggle("canvas-open", open);
      for (const element of root.querySelectorAll("[data-tool]"))
        element.ariaPressed = String(element.dataset.tool === canvas.tool);
      this.showFields(tool, typing);
      const enable = (action, possible) => {
        root.querySelector(`[data-action="${action}"]`)?.toggleAttribute("disabled", !possible);
      };
      enable("undo", canvas.history.done.length > 0);
      enable("redo", canvas.history.undone.length > 0);
      enable("clear", open && !canvas.drawing.blank);
      for (const action of ["fill", "invert", "remove", "minus", "actual", "plus", "fit"])
        enable(action, open);
      root.querySelector('[data-action="full"]').ariaPressed = String(canvas.isFull);
      this.showZoom();
    }

    showFields(tool, typing) {
      const { canvas, root } = this;
      const shown = (name) => {
        if (name === "screen" && !window.EyeDropper) return false;
        if (name === "color" && canvas.mode === "mask") return false;
        if (name === "palette") return canvas.palette !== null && tool.options.includes("color");
        return tool.options.includes(name);
      };
      for (const name of Object.keys(FIELDS)) {
        const { kind, action } = FIELDS[name];
        const values = canvas.values();
        const element = root.querySelector(
          kind === "slider" ? `[data-slider="${name}"]` : `[data-field="${name}"], [data-action="${action ?? name}"]`,
        );
        (kind === "color" ? element.parentElement : element).hidden = !shown(name);
        if (kind === "toggle") element.ariaPressed = String(Boolean(values[name]));
        if (kind === "slider") this.showSlider(name, values[name], FIELDS[name].most, typing);
        if (kind === "color") this.showColor(element, values[name]);
      }
      if (canvas.mode !== "mask") return;
      this.showSlider("maskOpacity", canvas.settings.maskOpacity, 100, typing);
      this.showColor(root.querySelector('[data-field="maskColor"]'), canvas.settings.maskColor);
    }

    showColor(input, value) {
      input.value = value;
      input.parentElement.style.setProperty("--color", value);
    }

    showSlider(name, value, most, typing) {
      const element = this.root.querySelector(`[data-slider="${name}"]`);
      const [range, number] = element.querySelectorAll("input");
      const step = name === "size" ? stepOf(value) : value;
      range.value = step;
      range.ariaValueText = String(value);
      if (number !== typing) number.value = value;
      element.style.setProperty("--share", step / (name === "size" ? STEPS : most));
    }

    showZoom() {
      const { canvas } = this;
      if (!canvas.state) {
        this.percent.textContent = "100%";
        return;
      }
      const percent = canvas.view.scale * canvas.view.ratio * 100;
      this.percent.textContent = `${percent < 10 ? percent.toFixed(1) : Math.round(percent)}%`;
    }

    // A word to the user in the lower bar: the picture's size when there is nothing else to say.
    say(text, isError = false) {
      const { canvas } = this;
      const size = canvas.state ? `${canvas.drawing.width} × ${canvas.drawing.height}` : "";
      this.info.textContent = this.info.title = text || size;
      this.info.classList.toggle("canvas-error", isError);
    }
  }

  Object.assign(redraw.paint, { Bars, MAX_SIZE });
})();
