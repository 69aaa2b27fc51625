// Changes to a drawing: laying paint on it or rubbing it out, and taking either back.
(() => {
  const { SIDE, Coverage, changed, isBare, wordOf } = redraw.paint;
  const HISTORY_BYTES = 400e6;
  const HISTORY_STEPS = 300;
  const TILE_BYTES = SIDE * SIDE * 4;

  // One stroke or shape while it is being made. What it covers is laid over the drawing as it was
  // before, so a stroke that crosses itself is no darker there.
  class Edit {
    // `ink` = {color: [red, green, blue], opacity: 0 to 1, erase: whether it takes paint away}.
    constructor(drawing, ink) {
      this.drawing = drawing;
      this.ink = ink;
      this.coverage = new Coverage(drawing);
      this.before = new Map(); // index -> the tile as it was
    }

    // Bring the drawing up to date within `box`, where the coverage has changed.
    lay(box) {
      const { drawing, before } = this;
      for (const index of drawing.meeting(box)) {
        if (!before.has(index)) {
          const old = drawing.tiles[index];
          if (!old && this.ink.erase) continue; // nothing there to rub out
          before.set(index, old);
          drawing.tiles[index] = old ? old.slice() : new Uint8ClampedArray(TILE_BYTES);
        }
        const place = drawing.place(index);
        const part = [
          Math.max(box[0] - place.left, 0),
          Math.max(box[1] - place.top, 0),
          Math.min(box[2] - place.left, place.width),
          Math.min(box[3] - place.top, place.height),
        ];
        const cover = this.coverage.tile(index);
        const lay = this.ink.erase ? erase : paint;
        lay(drawing.tiles[index], before.get(index), cover, part, this.ink);
        changed(drawing.tiles[index], part);
      }
    }

    // Everything that the coverage holds at once.
    layAll() {
      const { width, height } = this.drawing;
      for (const index of this.coverage.tiles.keys()) {
        const { left, top } = this.drawing.place(index);
        this.lay([left, top, Math.min(left + SIDE, width), Math.min(top + SIDE, height)]);
      }
    }

    // The finished change for the history; null if nothing changed.
    finish() {
      const tiles = new Map();
      for (const [index, before] of this.before) {
        if (isBare(this.drawing.tiles[index])) this.drawing.tiles[index] = null;
        const after = this.drawing.tiles[index];
        if (same(before, after)) this.drawing.tiles[index] = before;
        else tiles.set(index, [before, after]);
      }
      return tiles.size ? { tiles } : null;
    }

    // Take it all back, as if it had never begun.
    cancel() {
      for (const [index, tile] of this.before) this.drawing.tiles[index] = tile;
    }
  }

  const same = (before, after) => {
    if (!before || !after) return before === after;
    const [one, other] = [new Uint32Array(before.buffer), new Uint32Array(after.buffer)];
    return one.every((word, index) => word === other[index]);
  };

  // Paint over: the usual "source over destination" on straight alpha, rounded once. A stroke's
  // cover only grows, so pixels without any are still as they were.
  const paint = (tile, before, cover, [x0, y0, x1, y1], { color, opacity }) => {
    const [red, green, blue] = color;
    const words = new Uint32Array(tile.buffer);
    const solid = wordOf(color);
    for (let y = y0; y < y1; y += 1) {
      for (let x = x0, pixel = y * SIDE + x0; x < x1; x += 1, pixel += 1) {
        const alpha = cover[pixel] * opacity;
        if (!alpha) continue;
        if (alpha === 255) {
          words[pixel] = solid;
          continue;
        }
        const at = pixel * 4;
        const under = before ? before[at + 3] : 0;
        const kept = (under * (255 - alpha)) / 255;
        const sum = alpha + kept;
        const mix = (over, channel) =>
          under ? (over * alpha + before[at + channel] * kept) / sum : over;
        tile[at] = mix(red, 0);
        tile[at + 1] = mix(green, 1);
        tile[at + 2] = mix(blue, 2);
        tile[at + 3] = sum;
      }
    }
  };

  // Rub out: less alpha, the same colour.
  const erase = (tile, before, cover, [x0, y0, x1, y1], { opacity }) => {
    if (!before) return;
    const [to, from] = [new Uint32Array(tile.buffer), new Uint32Array(before.buffer)];
    for (let y = y0; y < y1; y += 1) {
      for (let x = x0, pixel = y * SIDE + x0; x < x1; x += 1, pixel += 1) {
        if (!cover[pixel]) continue;
        const word = from[pixel];
        const left = Math.round(((word >>> 24) * (255 - cover[pixel] * opacity)) / 255);
        to[pixel] = left ? ((word & 0xffffff) | (left << 24)) >>> 0 : 0;
      }
    }
  };

  // What can be undone and redone. An entry is {tiles: Map of index -> [before, after]} for a
  // change of the drawing, or {picture: [before, after]} for a change of what it is drawn on.
  class History {
    constructor() {
      this.done = [];
      this.undone = [];
    }

    push(entry) {
      this.done.push(entry);
      this.undone = [];
      let bytes = this.done.reduce((sum, one) => sum + weight(one), 0);
      while (this.done.length > 1 && (bytes > HISTORY_BYTES || this.done.length > HISTORY_STEPS))
        bytes -= weight(this.done.shift());
    }

    // Move one entry over and return it with the side to show: 0 before, 1 after. Null at the end.
    undo() {
      const entry = this.done.pop();
      if (!entry) return null;
      this.undone.push(entry);
      return [entry, 0];
    }

    redo() {
      const entry = this.undone.pop();
      if (!entry) return null;
      this.done.push(entry);
      return [entry, 1];
    }
  }

  const weight = ({ tiles, picture }) => {
    const arrays = picture
      ? picture.flatMap((state) => state?.drawing.tiles ?? [])
      : [...tiles.values()].flat();
    const files = picture ? picture.reduce((sum, state) => sum + (state?.file.size ?? 0), 0) : 0;
    return files + new Set(arrays.filter(Boolean)).size * TILE_BYTES;
  };

  // The history's entry for a change of the whole drawing, made by `change(drawing)`.
  const changeAll = (drawing, change) => {
    const before = [...drawing.tiles];
    change(drawing);
    const tiles = new Map();
    before.forEach((tile, index) => {
      if (tile !== drawing.tiles[index]) tiles.set(index, [tile, drawing.tiles[index]]);
    });
    return tiles.size ? { tiles } : null;
  };

  Object.assign(redraw.paint, { Edit, History, changeAll });
})();
