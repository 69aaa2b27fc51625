// What opens over the view: the invitation to open a picture, the new blank canvas, the help.
(() => {
  const { Palette, icon } = redraw.paint;

  const HELP = [
    ["Brush, eraser", "B, E"],
    ["Rectangle, ellipse, lasso, bucket", "U, O, L, G"],
    ["Pick a colour", "I, or Alt+click", "sketch"],
    ["Select by colour, select an object", "M, A", "mask"],
    ["Add or take away with shapes", "X"],
    ["Straight line", "Shift+drag"],
    ["Line from the last stroke's end", "Shift+click"],
    ["Square, circle", "Shift while dragging"],
    ["Rub out with any tool", "right button"],
    ["Brush size", "[ ], Q W, Ctrl+wheel"],
    ["Undo, redo", "Ctrl+Z, Ctrl+Y"],
    ["Clear", "Delete"],
    ["Zoom at the pointer", "Shift+wheel, Alt+wheel, + −"],
    ["Move the view", "Space or F held, middle button, H"],
    ["Fit, one to one", "R, 1"],
    ["Fullscreen, where the wheel zooms", "S"],
    ["Two fingers", "zoom and move"],
    ["Picture from the clipboard", "Ctrl+V"],
  ];

  const SIZES = { least: 1, most: 8192, usual: 512 }; // pixels a side of a blank canvas

  const invitation = () => {
    const element = document.createElement("div");
    element.className = "canvas-empty";
    element.innerHTML = `
      <div class="canvas-empty-icon">${icon("open")}</div>
      <p>Drop a picture here, or paste one</p>
      <div class="canvas-group">
        <button type="button" data-action="open">Open a picture</button>
        <button type="button" data-action="blank">New blank canvas</button>
      </div>`;
    return element;
  };

  const side = (name, label) => `
    <label>${label}<input type="number" name="${name}" required step="1" min="${SIZES.least}"
      max="${SIZES.most}" value="${SIZES.usual}"></label>`;

  class Popovers {
    // Of `canvas`, drawn into its view element.
    constructor(canvas, view) {
      this.canvas = canvas;
      this.blank = document.createElement("form");
      this.blank.className = "canvas-popover canvas-blank";
      this.blank.ariaLabel = "New blank canvas";
      this.blank.noValidate = false;
      this.blank.innerHTML = `
        <h4>New blank canvas</h4>
        <div class="canvas-group">${side("width", "Width")}${side("height", "Height")}
          <label>Colour<span class="canvas-swatch"><input type="color" name="color"
            value="#ffffff"></span></label></div>
        <div class="canvas-group canvas-choice">
          <button type="button" data-action="close">Cancel</button>
          <button type="submit" class="canvas-primary">Create</button></div>`;
      this.help = document.createElement("div");
      this.help.className = "canvas-popover canvas-help";
      this.help.role = "dialog";
      this.help.ariaLabel = "Mouse, touch and keys";
      const rows = HELP.filter(([, , only]) => !only || only === canvas.mode);
      this.help.innerHTML = `<h4>Mouse, touch and keys</h4><dl>${rows
        .map(([what, keys]) => `<div><dt>${what}</dt><dd>${keys}</dd></div>`)
        .join("")}</dl>`;
      for (const element of [this.blank, this.help]) element.hidden = true;
      view.append(invitation(), this.blank, this.help);
      this.palette = new Palette(canvas, view);
      this.blank.addEventListener("submit", (event) => {
        event.preventDefault();
        const { width, height, color } = this.blank.elements;
        this.close();
        canvas.newBlank(Number(width.value), Number(height.value), color.value);
      });
      const swatch = this.blank.elements.color;
      const tint = () => swatch.parentElement.style.setProperty("--color", swatch.value);
      swatch.addEventListener("input", tint);
      tint();
      // A press anywhere else closes what is open.
      document.addEventListener("pointerdown", (event) => {
        const kept = "canvas-popover";
        const opening = ["help", "blank", "palette"].map((name) => `[data-action="${name}"]`);
        if (!event.target.closest?.([`.${kept}`, ...opening].join())) this.close();
      }, true);
    }

    get isOpen() {
      return !this.blank.hidden || !this.help.hidden || this.palette.isOpen;
    }

    toggle(name) {
      if (name === "palette") {
        this.blank.hidden = this.help.hidden = true;
        this.palette.toggle();
        return;
      }
      this.palette.close();
      const [wanted, other] = name === "help" ? [this.help, this.blank] : [this.blank, this.help];
      other.hidden = true;
      wanted.hidden = !wanted.hidden;
      if (!wanted.hidden && name === "blank") this.suggestSize();
    }

    // As large as the page wants its pictures.
    suggestSize() {
      const { width, height } = this.blank.elements;
      const size = redraw.canvas.usualSize?.();
      if (size?.width && size.height) [width.value, height.value] = [size.width, size.height];
      width.select();
    }

    close() {
      this.blank.hidden = this.help.hidden = true;
      this.palette.close();
    }
  }

  redraw.paint.Popovers = Popovers;
})();
