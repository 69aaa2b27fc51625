// Drawings as PNG files, written here because a canvas element would round colours of faint paint.
(() => {
  const { SIDE } = redraw.paint;
  const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  const GRAY = 0;
  const RGBA = 6;

  const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1)
      value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
    return value >>> 0;
  });

  const checksum = (bytes) => {
    let value = 0xffffffff;
    for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
    return (value ^ 0xffffffff) >>> 0;
  };

  const chunk = (name, data) => {
    const bytes = new Uint8Array(12 + data.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, data.length);
    bytes.set([...name].map((letter) => letter.charCodeAt(0)), 4);
    bytes.set(data, 8);
    view.setUint32(8 + data.length, checksum(bytes.subarray(4, 8 + data.length)));
    return bytes;
  };

  const header = ({ width, height }, kind) => {
    const data = new Uint8Array(13);
    const view = new DataView(data.buffer);
    view.setUint32(0, width);
    view.setUint32(4, height);
    data.set([8, kind], 8); // 8 bits per channel
    return chunk("IHDR", data);
  };

  // One row of tiles as unfiltered scan lines. A mask's value is its paint's alpha.
  const strip = (drawing, row, kind) => {
    const channels = kind === GRAY ? 1 : 4;
    const length = 1 + drawing.width * channels;
    const { height } = drawing.place(row * drawing.columns);
    const bytes = new Uint8Array(height * length);
    for (let column = 0; column < drawing.columns; column += 1) {
      const index = row * drawing.columns + column;
      const tile = drawing.tiles[index];
      if (!tile) continue;
      const { left, width } = drawing.place(index);
      for (let y = 0; y < height; y += 1) {
        const target = y * length + 1 + left * channels;
        const source = y * SIDE * 4;
        if (kind === RGBA) bytes.set(tile.subarray(source, source + width * 4), target);
        else for (let x = 0; x < width; x += 1) bytes[target + x] = tile[source + 4 * x + 3];
      }
    }
    return bytes;
  };

  // The drawing as a File: 8-bit gray for a mask, RGBA for a sketch, at the picture's full size.
  const encode = async (drawing, mask) => {
    const kind = mask ? GRAY : RGBA;
    let row = 0;
    const lines = new ReadableStream({
      pull: (controller) => {
        if (row === drawing.rows) controller.close();
        else controller.enqueue(strip(drawing, row++, kind));
      },
    });
    const packed = lines.pipeThrough(new CompressionStream("deflate"));
    const data = new Uint8Array(await new Response(packed).arrayBuffer());
    const parts = [
      new Uint8Array(SIGNATURE),
      header(drawing, kind),
      chunk("IDAT", data),
      chunk("IEND", []),
    ];
    return new File(parts, mask ? "mask.png" : "layer.png", { type: "image/png" });
  };

  redraw.paint.encode = encode;
})();
