// How much of each pixel a shape covers, 0 to 255: strokes, rectangles, ellipses, outlines.
//
// Shapes are given in pixels of the picture, as fractions, with (0, 0) at the corner of the first
// pixel and its middle at (0.5, 0.5). Zoom and window size play no part, so neither can the result.
(() => {
  const { SIDE } = redraw.paint;
  const SUBROWS = 4; // lines per pixel row on which the edges of an outline are measured

  // Where the line at height `y` crosses the set of points within `radius` of the segment a-b:
  // [left, right], or null. The set is convex, so its outermost crossings are its ends.
  const span = (y, a, b, radius) => {
    if (radius <= 0) return null;
    let [left, right] = [Infinity, -Infinity];
    for (const { x, y: middle } of [a, b]) {
      const half = radius * radius - (y - middle) ** 2;
      if (half < 0) continue;
      left = Math.min(left, x - Math.sqrt(half));
      right = Math.max(right, x + Math.sqrt(half));
    }
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const length = Math.hypot(dx, dy);
    if (dy && length) {
      for (const side of [radius / length, -radius / length]) {
        const t = (y - (a.y + dx * side)) / dy;
        if (t < 0 || t > 1) continue;
        const x = a.x - dy * side + dx * t;
        left = Math.min(left, x);
        right = Math.max(right, x);
      }
    }
    return left <= right ? [left, right] : null;
  };

  class Coverage {
    // Nothing covered yet of a picture of `drawing`'s size.
    constructor(drawing) {
      this.drawing = drawing;
      this.tiles = new Map(); // index -> Uint8Array of SIDE * SIDE
    }

    // The array of tile `index`, made on first use.
    tile(index) {
      if (!this.tiles.has(index)) this.tiles.set(index, new Uint8Array(SIDE * SIDE));
      return this.tiles.get(index);
    }

    // Call `draw(row, y, left, right, values)` for every pixel row of every tile within `box`;
    // `values[row + x]` is the pixel at x. What is covered already stays at least as covered.
    rows(box, draw) {
      for (const index of this.drawing.meeting(box)) {
        const { left, top, width, height } = this.drawing.place(index);
        const [x0, x1] = [Math.max(box[0], left), Math.min(box[2], left + width)];
        const [y0, y1] = [Math.max(box[1], top), Math.min(box[3], top + height)];
        const values = this.tile(index);
        for (let y = y0; y < y1; y += 1) draw((y - top) * SIDE - left, y, x0, x1, values);
      }
    }

    // A piece of a stroke from `a` to `b`, {x, y, radius} each, the radius in pixels. Within
    // `softness` (0 to 1) of the radius, from its rim inwards, the cover fades.
    // The box that may have changed is returned, null if it lies outside the picture.
    segment(a, b, softness) {
      const reach = Math.max(a.radius, b.radius) + 0.5;
      const core = Math.min(a.radius, b.radius) * (1 - softness) - 1;
      const box = this.drawing.clip([
        Math.min(a.x, b.x) - reach,
        Math.min(a.y, b.y) - reach,
        Math.max(a.x, b.x) + reach,
        Math.max(a.y, b.y) + reach,
      ]);
      if (!box) return null;
      this.rows(box, (row, y, left, right, values) => {
        const outer = span(y + 0.5, a, b, reach);
        if (!outer) return;
        const from = Math.max(left, Math.floor(outer[0] - 0.5));
        const to = Math.min(right, Math.ceil(outer[1] + 0.5));
        const inner = span(y + 0.5, a, b, core);
        const solidFrom = inner ? Math.max(from, Math.ceil(inner[0] - 0.5)) : to;
        const solidTo = inner ? Math.min(to, Math.floor(inner[1] + 0.5)) : to;
        if (solidFrom < solidTo) values.fill(255, row + solidFrom, row + solidTo);
        rim(values, row, y, from, Math.min(solidFrom, to), a, b, softness);
        rim(values, row, y, Math.max(solidTo, from), to, a, b, softness);
      });
      return box;
    }

    // Whole pixels from corner to corner.
    rectangle(a, b) {
      const box = this.drawing.clip([
        Math.round(Math.min(a.x, b.x)),
        Math.round(Math.min(a.y, b.y)),
        Math.round(Math.max(a.x, b.x)),
        Math.round(Math.max(a.y, b.y)),
      ]);
      if (!box) return null;
      this.rows(box, (row, y, left, right, values) => values.fill(255, row + left, row + right));
      return box;
    }

    // The ellipse that touches the sides of the rectangle with corners `a` and `b`.
    ellipse(a, b) {
      const corners = Math.max(16, Math.ceil(Math.hypot(b.x - a.x, b.y - a.y)));
      const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
      const outline = Array.from({ length: corners }, (_, index) => {
        const angle = (2 * Math.PI * index) / corners;
        return {
          x: middle.x + (Math.abs(b.x - a.x) / 2) * Math.cos(angle),
          y: middle.y + (Math.abs(b.y - a.y) / 2) * Math.sin(angle),
        };
      });
      return this.outline(outline);
    }

    // The inside of the closed line through `points`; where it crosses itself, everything that it
    // goes round counts as inside.
    outline(points) {
      if (points.length < 3) return null;
      const [xs, ys] = [points.map((point) => point.x), points.map((point) => point.y)];
      const extremes = (values) => values.reduce(
        ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
        [Infinity, -Infinity],
      );
      const [[x0, x1], [y0, y1]] = [extremes(xs), extremes(ys)];
      const box = this.drawing.clip([x0, y0, x1, y1]);
      if (!box) return null;
      const edges = edgesByRow(points, box);
      const line = new Float32Array(box[2] - box[0] + 1);
      for (let y = box[1]; y < box[3]; y += 1) {
        line.fill(0);
        for (let sub = 0; sub < SUBROWS; sub += 1)
          measure(line, crossings(edges[y - box[1]], y + (sub + 0.5) / SUBROWS), box);
        this.rows([box[0], y, box[2], y + 1], (row, _, left, right, values) => {
          for (let x = left; x < right; x += 1) {
            const value = Math.round((255 * line[x - box[0]]) / SUBROWS);
            if (value > values[row + x]) values[row + x] = value;
          }
        });
      }
      return box;
    }

    // Values that were worked out elsewhere: `bytes` row by row for `box`.
    bytes(box, bytes) {
      const width = box[2] - box[0];
      this.rows(box, (row, y, left, right, values) => {
        const start = (y - box[1]) * width - box[0];
        for (let x = left; x < right; x += 1)
          if (bytes[start + x] > values[row + x]) values[row + x] = bytes[start + x];
      });
      return box;
    }
  }

  // The pixels of a row from `from` to `to` that are not deep inside a stroke.
  const rim = (values, row, y, from, to, a, b, softness) => {
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const square = dx * dx + dy * dy;
    const swelling = b.radius - a.radius;
    const py = y + 0.5 - a.y;
    for (let x = from; x < to; x += 1) {
      const px = x + 0.5 - a.x;
      const t = square ? Math.min(1, Math.max(0, (px * dx + py * dy) / square)) : 0;
      const radius = a.radius + swelling * t;
      const value = cover(Math.hypot(px - dx * t, py - dy * t), radius, softness);
      if (value > values[row + x]) values[row + x] = value;
    }
  };

  // 0 to 255 at `distance` from the middle of a stroke. The edge of a hard one is one pixel wide.
  const cover = (distance, radius, softness) => {
    const fade = Math.max(1, radius * softness);
    const outside = radius + (softness ? 0 : 0.5);
    const share = Math.min(1, Math.max(0, (outside - distance) / fade));
    return Math.round(255 * (softness ? share * share * (3 - 2 * share) : share));
  };

  // For every pixel row of `box`, the edges [x0, y0, x1, y1, direction] that reach into it.
  const edgesByRow = (points, box) => {
    const rows = Array.from({ length: box[3] - box[1] }, () => []);
    points.forEach((start, index) => {
      const end = points[(index + 1) % points.length];
      if (start.y === end.y) return;
      const [low, high] = start.y < end.y ? [start, end] : [end, start];
      const edge = [low.x, low.y, high.x, high.y, start.y < end.y ? 1 : -1];
      const last = Math.min(box[3] - 1, Math.floor(high.y));
      for (let y = Math.max(box[1], Math.floor(low.y)); y <= last; y += 1)
        rows[y - box[1]].push(edge);
    });
    return rows;
  };

  const crossings = (edges, y) => {
    const found = [];
    for (const [x0, y0, x1, y1, direction] of edges)
      if (y >= y0 && y < y1) found.push([x0 + ((x1 - x0) * (y - y0)) / (y1 - y0), direction]);
    return found.sort((one, other) => one[0] - other[0]);
  };

  // Add to `line` the share of each pixel that lies between crossings that wind around it.
  const measure = (line, found, box) => {
    let winding = 0;
    for (let index = 0; index + 1 < found.length; index += 1) {
      winding += found[index][1];
      if (!winding) continue;
      const from = Math.max(box[0], found[index][0]) - box[0];
      const to = Math.min(box[2], found[index + 1][0]) - box[0];
      const [first, last] = [Math.floor(from), Math.floor(to)];
      if (from >= to) continue;
      if (first === last) {
        line[first] += to - from;
        continue;
      }
      line[first] += first + 1 - from;
      for (let x = first + 1; x < last; x += 1) line[x] += 1;
      line[last] += to - last;
    }
  };

  redraw.paint.Coverage = Coverage;
})();
