// The drawing itself: straight-alpha RGBA pixels in square tiles.
//
// It is kept in plain arrays rather than in a canvas element, so that every value is exactly what
// was painted: no premultiplied rounding, no limits of the graphics card, and none of the noise
// that some browsers add to what is read back from a canvas. A tile that holds nothing is null.
// Tiles in a drawing are never written to once an edit has ended, so history, storage and the
// encoder share them without copying.
redraw.paint = {};
(() => {
  const SIDE = 256; // pixels; a power of two, so that halving comes out even
  const WORDS = SIDE * SIDE;

  const smaller = new WeakMap(); // tile -> its halved versions, level 1 first

  // Write into `half` what `pixels`, a tile of `side`, looks like at half the size: each pixel the
  // average of four, weighted by their alpha. Only within [x0, y0, x1, y1) of `half`.
  const halve = (pixels, side, half, [x0, y0, x1, y1]) => {
    const [from, to] = [new Uint32Array(pixels.buffer), new Uint32Array(half.buffer)];
    for (let y = y0; y < y1; y += 1) {
      let source = 2 * (y * side + x0);
      let target = y * (side >> 1) + x0;
      for (let x = x0; x < x1; x += 1, source += 2, target += 1) {
        const a = from[source];
        const b = from[source + 1];
        const c = from[source + side];
        const d = from[source + side + 1];
        to[target] = a === b && a === c && a === d ? a : mix(a, b, c, d);
      }
    }
  };

  // The average of four pixels, each a 32-bit number.
  const mix = (a, b, c, d) => {
    const [p, q, r, s] = [a >>> 24, b >>> 24, c >>> 24, d >>> 24];
    const sum = p + q + r + s;
    if (!sum) return 0;
    const channel = (shift) =>
      Math.round(
        (((a >>> shift) & 255) * p +
          ((b >>> shift) & 255) * q +
          ((c >>> shift) & 255) * r +
          ((d >>> shift) & 255) * s) /
          sum,
      ) << shift;
    return (channel(0) | channel(8) | channel(16) | (Math.round(sum / 4) << 24)) >>> 0;
  };

  class Drawing {
    // Nothing drawn yet; width and height in pixels of the picture.
    constructor(width, height) {
      this.width = width;
      this.height = height;
      this.columns = Math.ceil(width / SIDE);
      this.rows = Math.ceil(height / SIDE);
      this.tiles = new Array(this.columns * this.rows).fill(null);
    }

    get blank() {
      return this.tiles.every((tile) => tile === null);
    }

    copy() {
      const copy = new Drawing(this.width, this.height);
      copy.tiles = [...this.tiles];
      return copy;
    }

    // The part of tile `index` that lies inside the picture: {left, top, width, height}.
    place(index) {
      const [left, top] = [(index % this.columns) * SIDE, Math.floor(index / this.columns) * SIDE];
      return {
        left,
        top,
        width: Math.min(SIDE, this.width - left),
        height: Math.min(SIDE, this.height - top),
      };
    }

    // Indices of the tiles that meet `box` = [x0, y0, x1, y1), whole pixels inside the picture.
    *meeting([x0, y0, x1, y1]) {
      for (let row = Math.floor(y0 / SIDE); row * SIDE < y1; row += 1)
        for (let column = Math.floor(x0 / SIDE); column * SIDE < x1; column += 1)
          yield row * this.columns + column;
    }

    // `box` moved to whole pixels and cut to the picture; null if nothing is left.
    clip([x0, y0, x1, y1]) {
      const box = [
        Math.max(0, Math.floor(x0)),
        Math.max(0, Math.floor(y0)),
        Math.min(this.width, Math.ceil(x1)),
        Math.min(this.height, Math.ceil(y1)),
      ];
      return box[0] < box[2] && box[1] < box[3] ? box : null;
    }

    // [red, green, blue, alpha] at whole pixel (x, y); nothing is drawn outside the picture.
    pixel(x, y) {
      if (x < 0 || y < 0 || x >= this.width || y >= this.height) return [0, 0, 0, 0];
      const tile = this.tiles[Math.floor(y / SIDE) * this.columns + Math.floor(x / SIDE)];
      if (!tile) return [0, 0, 0, 0];
      const at = 4 * ((y % SIDE) * SIDE + (x % SIDE));
      return [...tile.subarray(at, at + 4)];
    }

    // Tile `index` at 1 / 2 ** level of its size, for showing the picture that much smaller.
    shrunk(index, level) {
      const tile = this.tiles[index];
      if (!tile || level === 0) return tile;
      const levels = smaller.get(tile) ?? [tile];
      smaller.set(tile, levels);
      while (levels.length <= level) {
        const side = SIDE >> levels.length;
        const half = new Uint8ClampedArray(side * side * 4);
        halve(levels[levels.length - 1], 2 * side, half, [0, 0, side, side]);
        levels.push(half);
      }
      return levels[level];
    }

    // Fill all of the picture with `word`, a pixel as a 32-bit number: alpha, blue, green, red.
    // Whole tiles share one array.
    flood(word) {
      const whole = new Uint8ClampedArray(WORDS * 4);
      new Uint32Array(whole.buffer).fill(word);
      for (let index = 0; index < this.tiles.length; index += 1) {
        const { width, height } = this.place(index);
        this.tiles[index] = width === SIDE && height === SIDE ? whole : part(word, width, height);
      }
    }

    // Everything drawn becomes bare and the other way round, in the colour of `word`.
    invert(word) {
      const full = new Drawing(this.width, this.height);
      full.flood(word);
      for (let index = 0; index < this.tiles.length; index += 1) {
        const before = this.tiles[index];
        this.tiles[index] = before ? inverted(before, full.tiles[index]) : full.tiles[index];
      }
    }
  }

  const part = (word, width, height) => {
    const pixels = new Uint8ClampedArray(WORDS * 4);
    const words = new Uint32Array(pixels.buffer);
    for (let y = 0; y < height; y += 1) words.fill(word, y * SIDE, y * SIDE + width);
    return pixels;
  };

  const inverted = (before, full) => {
    const after = full.slice();
    let any = 0;
    for (let at = 3; at < after.length; at += 4) {
      if (!full[at]) continue; // outside the picture
      after[at] = 255 - before[at];
      any |= after[at];
    }
    return any ? after : null;
  };

  // Bring a tile's smaller versions up to date where it was edited: within `part`, as its pixels.
  const changed = (tile, part) => {
    let [x0, y0, x1, y1] = part;
    (smaller.get(tile) ?? []).forEach((half, level, levels) => {
      if (level === 0) return;
      [x0, y0, x1, y1] = [x0 >> 1, y0 >> 1, (x1 + 1) >> 1, (y1 + 1) >> 1];
      halve(levels[level - 1], SIDE >> (level - 1), half, [x0, y0, x1, y1]);
    });
  };

  const isBare = (tile) => new Uint32Array(tile.buffer).every((word) => word === 0);

  const wordOf = ([red, green, blue]) =>
    ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;

  Object.assign(redraw.paint, { SIDE, Drawing, changed, isBare, wordOf });
})();
