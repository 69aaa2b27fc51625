// What is set on the bars: kept by the browser, for each canvas apart.
(() => {
  const { clamp, MAX_SIZE } = redraw.paint;
  const USUAL_SHARE = 1 / 24; // of the picture's longer side: the brush until one is chosen
  const LEAST_PRESSURE = 0.05; // of the brush's size
  const PER_TOOL = ["size", "softness", "opacity"]; // the eraser has its own

  const DEFAULTS = {
    brush: { size: null, softness: 0, opacity: 100 },
    eraser: { size: null, softness: 0, opacity: 100 },
    tolerance: 24,
    pressure: true,
    subtract: false,
    connected: true,
    loop: false,
    maskOpacity: 60,
  };

  class Settings {
    // Of canvas `id`. `color` is the first colour: of the paint, or in which a mask is shown.
    constructor(id, mode, color) {
      this.key = `redraw-settings-${id}`;
      this.usualSize = 32;
      this.chosen = this.stored(); // what differs from the defaults
      const first = mode === "mask" ? { maskColor: color } : { color };
      this.all = { ...DEFAULTS, ...first, ...this.chosen };
      for (const name of ["brush", "eraser"])
        this.all[name] = { ...DEFAULTS[name], ...this.chosen[name] };
    }

    stored() {
      try {
        return JSON.parse(localStorage.getItem(this.key)) ?? {};
      } catch {
        return {};
      }
    }

    // {size, softness, opacity} of the eraser or of everything that paints. Until it is given a
    // size of its own, the eraser has the brush's.
    brush(erase) {
      const { brush, eraser } = this.all;
      const own = erase ? eraser : brush;
      return { ...own, size: own.size ?? brush.size ?? this.usualSize };
    }

    set(name, value, erase) {
      if (PER_TOOL.includes(name)) {
        const tool = erase ? "eraser" : "brush";
        this.all[tool][name] = value;
        this.chosen[tool] = { ...this.chosen[tool], [name]: value };
      } else this.all[name] = this.chosen[name] = value;
      localStorage.setItem(this.key, JSON.stringify(this.chosen));
    }

    fit({ width, height }) {
      this.usualSize = clamp(Math.round(Math.max(width, height) * USUAL_SHARE), 1, MAX_SIZE);
    }

    // Half the brush's diameter in pixels of the picture, less for a pen that is pressed lightly.
    radius(erase, event) {
      const pen = this.all.pressure && event.pointerType === "pen" && event.buttons;
      return (this.brush(erase).size / 2) * (pen ? Math.max(LEAST_PRESSURE, event.pressure) : 1);
    }
  }

  redraw.paint.Settings = Settings;
})();
