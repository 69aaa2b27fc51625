// Bucket fill: everything around a pixel that looks like it.
(() => {
  const { SIDE } = redraw.paint;

  // The picture with the drawing on it, as a canvas of the picture's size.
  const flatten = (image, drawing) => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [drawing.width, drawing.height];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0, drawing.width, drawing.height);
    const patch = new OffscreenCanvas(SIDE, SIDE);
    const patchContext = patch.getContext("2d");
    drawing.tiles.forEach((tile, index) => {
      if (!tile) return;
      const { left, top } = drawing.place(index);
      patchContext.putImageData(new ImageData(tile, SIDE), 0, 0);
      context.drawImage(patch, left, top);
    });
    return canvas;
  };

  // What a bucket compares, one 32-bit pixel per pixel: colours, or how strongly it is masked.
  const colours = (image, drawing) => {
    const canvas = flatten(image, drawing);
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Uint32Array(data.buffer);
  };

  const strengths = (drawing) => {
    const result = new Uint32Array(drawing.width * drawing.height);
    drawing.tiles.forEach((tile, index) => {
      if (!tile) return;
      const { left, top, width, height } = drawing.place(index);
      for (let y = 0; y < height; y += 1)
        for (let x = 0; x < width; x += 1)
          result[(top + y) * drawing.width + left + x] = tile[4 * (y * SIDE + x) + 3];
    });
    return result;
  };

  // Whether two pixels differ by at most `tolerance` in each of their four bytes.
  const near = (one, other, tolerance) => {
    for (let shift = 0; shift < 32; shift += 8)
      if (Math.abs(((one >>> shift) & 255) - ((other >>> shift) & 255)) > tolerance) return false;
    return true;
  };

  // The connected area around whole pixel (x, y) that differs from it by at most `tolerance`,
  // as {box, bytes} for Coverage.bytes; `margin` pixels are added all round.
  const area = (pixels, width, height, { x, y }, { tolerance, margin }) => {
    const wanted = pixels[y * width + x];
    const inside = new Uint8Array(pixels.length);
    const fits = (at) => !inside[at] && near(pixels[at], wanted, tolerance);
    const rows = [[x, y]]; // where a run of pixels is still to be filled
    let [x0, y0, x1, y1] = [x, y, x + 1, y + 1];
    while (rows.length) {
      const [start, row] = rows.pop();
      const base = row * width;
      if (!fits(base + start)) continue;
      let [left, right] = [start, start + 1];
      while (left > 0 && fits(base + left - 1)) left -= 1;
      while (right < width && fits(base + right)) right += 1;
      inside.fill(255, base + left, base + right);
      [x0, x1] = [Math.min(x0, left), Math.max(x1, right)];
      [y0, y1] = [Math.min(y0, row), Math.max(y1, row + 1)];
      for (const next of [row - 1, row + 1]) {
        if (next < 0 || next >= height) continue;
        for (let at = left; at < right; at += 1)
          if (fits(next * width + at) && (at === left || !fits(next * width + at - 1)))
            rows.push([at, next]);
      }
    }
    const box = [
      Math.max(0, x0 - margin),
      Math.max(0, y0 - margin),
      Math.min(width, x1 + margin),
      Math.min(height, y1 + margin),
    ];
    return { box, bytes: cut(inside, width, height, box, margin) };
  };

  const cut = (inside, width, height, [x0, y0, x1, y1], margin) => {
    const bytes = new Uint8Array((x1 - x0) * (y1 - y0));
    for (let y = y0; y < y1; y += 1) {
      const [above, below] = [Math.max(0, y - margin), Math.min(height - 1, y + margin)];
      for (let x = x0; x < x1; x += 1) {
        const [before, after] = [Math.max(0, x - margin), Math.min(width - 1, x + margin)];
        let value = 0;
        for (let row = above; row <= below && !value; row += 1)
          for (let at = before; at <= after && !value; at += 1) value = inside[row * width + at];
        bytes[(y - y0) * (x1 - x0) + x - x0] = value;
      }
    }
    return bytes;
  };

  redraw.paint.flood = { flatten, colours, strengths, area };
})();
