// What is seen: the picture, the drawing over it, and the place of both on the screen.
//
// The picture is an ordinary image element, which the browser decodes and scales best. The drawing
// is copied, where it is in sight, into a canvas element about as large as the screen needs; so
// neither a huge picture nor a strong zoom makes a stroke slower.
(() => {
  const { SIDE } = redraw.paint;
  const [LEAST, MOST] = [0.01, 64]; // screen pixels per pixel of the picture
  const FIT_AT_MOST = 8;
  const MAX_LEVEL = Math.log2(SIDE);
  const PIXELS_SHOWN_FROM = 3; // magnified this often, single pixels are shown as squares
  const KEPT_IN_SIGHT = 48; // of the picture, in screen pixels, however far it is pushed away
  const MARGIN = 0.25; // of the visible part, drawn around it so that panning redraws rarely
  const SVG = "http://www.w3.org/2000/svg";

  const clamp = (value, least, most) => Math.min(most, Math.max(least, value));

  class View {
    // `element` is the window onto the picture; `mode` as the canvas's.
    constructor(element, mode) {
      this.element = element;
      this.mode = mode;
      this.canvas = document.createElement("canvas");
      this.canvas.className = "canvas-drawing";
      this.context = this.canvas.getContext("2d", { willReadFrequently: true });
      this.overlay = document.createElementNS(SVG, "svg");
      this.overlay.classList.add("canvas-overlay");
      this.ring = document.createElement("div");
      this.ring.className = "canvas-ring";
      this.ring.hidden = true;
      element.prepend(this.canvas, this.overlay, this.ring);
      this.image = null;
      this.drawing = null;
      this.tint = null; // CSS colour in which a mask is shown
      [this.scale, this.x, this.y] = [1, 0, 0];
      this.fitted = true; // and to be fitted again when the window changes
      this.moved = () => {};
      new ResizeObserver(() => this.resized()).observe(element);
    }

    // Show `image` with `drawing` over it, or nothing. The place is kept for one of the same size.
    show(image, drawing) {
      const same = this.drawing && drawing && this.drawing.width === drawing.width &&
        this.drawing.height === drawing.height;
      this.image?.remove();
      [this.image, this.drawing, this.region] = [image, drawing, null];
      if (!image) {
        this.canvas.width = this.canvas.height = 0;
        return;
      }
      image.className = "canvas-picture";
      image.alt = "";
      image.draggable = false;
      this.element.prepend(image);
      if (same) this.place();
      else this.fit();
    }

    get box() {
      return this.element.getBoundingClientRect();
    }

    get ratio() {
      return window.devicePixelRatio || 1;
    }

    // Where on the picture an event of the pointer is, in its pixels.
    toPicture(event) {
      const box = this.box;
      return {
        x: (event.clientX - box.left - this.x) / this.scale,
        y: (event.clientY - box.top - this.y) / this.scale,
      };
    }

    resized() {
      if (!this.drawing || !this.box.width) return;
      if (this.fitted) this.fit();
      else this.place();
    }

    fit() {
      const { width, height } = this.box;
      this.fitted = true;
      if (!this.drawing || !width) return;
      const { drawing } = this;
      const scale = Math.min(width / drawing.width, height / drawing.height);
      this.scale = clamp(scale, LEAST, FIT_AT_MOST);
      this.x = (width - drawing.width * this.scale) / 2;
      this.y = (height - drawing.height * this.scale) / 2;
      this.place();
    }

    // One pixel of the picture for each of the screen, with the middle of the view kept.
    actual() {
      this.zoom(1 / this.ratio / this.scale);
    }

    // Larger by `factor`, around a point in the page's coordinates; the middle if there is none.
    zoom(factor, clientX, clientY) {
      const box = this.box;
      const x = (clientX ?? box.left + box.width / 2) - box.left;
      const y = (clientY ?? box.top + box.height / 2) - box.top;
      const scale = clamp(this.scale * factor, LEAST, MOST);
      this.x = x - ((x - this.x) * scale) / this.scale;
      this.y = y - ((y - this.y) * scale) / this.scale;
      this.scale = scale;
      this.fitted = false;
      this.place();
    }

    pan(dx, dy) {
      this.x += dx;
      this.y += dy;
      this.fitted = false;
      this.place();
    }

    // Bring everything to where scale, x and y say.
    place() {
      if (!this.drawing) return;
      const { width, height } = this.box;
      const { drawing, scale } = this;
      this.x = clamp(this.x, KEPT_IN_SIGHT - drawing.width * scale, width - KEPT_IN_SIGHT);
      this.y = clamp(this.y, KEPT_IN_SIGHT - drawing.height * scale, height - KEPT_IN_SIGHT);
      Object.assign(this.image.style, {
        width: `${drawing.width}px`,
        height: `${drawing.height}px`,
        transform: `translate(${this.x}px, ${this.y}px) scale(${scale})`,
      });
      this.element.classList.toggle("canvas-squares", scale * this.ratio >= PIXELS_SHOWN_FROM);
      this.choosePart();
      this.element.style.setProperty("--zoom", scale);
      this.overlay.firstElementChild?.setAttribute("transform", this.matrix);
      this.moved();
    }

    get matrix() {
      return `translate(${this.x} ${this.y}) scale(${this.scale})`;
    }

    // Which part of the drawing the canvas element holds, and at which level of reduction.
    choosePart() {
      const { drawing, scale } = this;
      const { width, height } = this.box;
      const level = clamp(Math.floor(-Math.log2(scale * this.ratio)), 0, MAX_LEVEL);
      const seen = drawing.clip([
        -this.x / scale,
        -this.y / scale,
        (width - this.x) / scale,
        (height - this.y) / scale,
      ]);
      if (!seen) return;
      const held = this.region;
      if (!held || held.level !== level || !contains(held.box, seen)) {
        const [dx, dy] = [(seen[2] - seen[0]) * MARGIN, (seen[3] - seen[1]) * MARGIN];
        const box = drawing.clip([seen[0] - dx, seen[1] - dy, seen[2] + dx, seen[3] + dy]);
        const step = 2 ** level;
        const aligned = [...box.slice(0, 2).map((at) => Math.floor(at / step) * step), box[2], box[3]];
        this.region = { level, box: aligned };
        this.canvas.width = Math.ceil((aligned[2] - aligned[0]) / step);
        this.canvas.height = Math.ceil((aligned[3] - aligned[1]) / step);
        this.paint(aligned);
      }
      const [x, y] = this.region.box;
      this.canvas.style.transform =
        `translate(${this.x + x * scale}px, ${this.y + y * scale}px) scale(${scale * 2 ** level})`;
    }

    // Copy what has changed within `box` of the drawing; all of it without one.
    paint(box = this.region?.box) {
      if (!box || !this.region) return;
      const { level, box: held } = this.region;
      const [x0, y0] = [Math.max(box[0], held[0]), Math.max(box[1], held[1])];
      const [x1, y1] = [Math.min(box[2], held[2]), Math.min(box[3], held[3])];
      if (x0 >= x1 || y0 >= y1) return;
      for (const index of this.drawing.meeting([x0, y0, x1, y1])) {
        const { left, top } = this.drawing.place(index);
        const step = 2 ** level;
        const side = SIDE / step;
        const [px, py] = [(left - held[0]) / step, (top - held[1]) / step];
        const from = [Math.max(0, Math.floor((x0 - left) / step)), Math.max(0, Math.floor((y0 - top) / step))];
        const to = [Math.min(side, Math.ceil((x1 - left) / step)), Math.min(side, Math.ceil((y1 - top) / step))];
        const part = [...from, to[0] - from[0], to[1] - from[1]];
        const tile = this.drawing.shrunk(index, level);
        if (tile) this.context.putImageData(new ImageData(tile, side), px, py, ...part);
        else this.context.clearRect(px + part[0], py + part[1], part[2], part[3]);
        if (tile && this.mode === "mask") {
          this.context.globalCompositeOperation = "source-atop";
          this.context.fillStyle = this.tint;
          this.context.fillRect(px + part[0], py + part[1], part[2], part[3]);
          this.context.globalCompositeOperation = "source-over";
        }
      }
    }

    // How a mask is shown: its colour, and its opacity from 0 to 1.
    showMask(color, opacity) {
      this.tint = color;
      this.canvas.style.opacity = opacity;
      this.paint();
    }

    // A shape that is being drawn, as path data in pixels of the picture; none for "".
    outline(path, style = {}) {
      this.overlay.replaceChildren();
      if (!path) return;
      const group = document.createElementNS(SVG, "g");
      group.setAttribute("transform", this.matrix);
      for (const kind of ["canvas-shape", "canvas-edge canvas-edge-dark", "canvas-edge"]) {
        const element = document.createElementNS(SVG, "path");
        element.setAttribute("d", path);
        element.setAttribute("class", kind);
        if (kind === "canvas-shape") Object.assign(element.style, style);
        group.append(element);
      }
      this.overlay.append(group);
    }

    // The ring that shows how large the brush is, `diameter` in pixels of the picture, at an
    // event of the pointer; hidden for none.
    showRing(event, diameter) {
      const size = diameter * this.scale;
      this.ring.hidden = !event || !this.drawing;
      if (this.ring.hidden) return;
      const box = this.box;
      Object.assign(this.ring.style, {
        width: `${size}px`,
        height: `${size}px`,
        transform: `translate(${event.clientX - box.left - size / 2}px, ` +
          `${event.clientY - box.top - size / 2}px)`,
      });
    }
  }

  const contains = (outer, inner) =>
    outer[0] <= inner[0] && outer[1] <= inner[1] && outer[2] >= inner[2] && outer[3] >= inner[3];

  Object.assign(redraw.paint, { View, clamp });
})();
