// The tools: what pressing, moving and letting go of the pointer does with each.
//
// A tool's `start(canvas, point, event)` returns a gesture {move(points, event), end(point),
// cancel()}, any of which may be missing, or nothing. Points are in pixels of the picture.
(() => {
  const { Edit, clamp } = redraw.paint;
  const CLICK = 3; // screen pixels; moving less is a click
  const PIECE = 128; // pixels; long lines are laid in pieces of this length

  const distance = (a, b) => Math.hypot(b.x - a.x, b.y - a.y);
  const join = (a, b) => [
    Math.min(a[0], b[0]),
    Math.min(a[1], b[1]),
    Math.max(a[2], b[2]),
    Math.max(a[3], b[3]),
  ];
  const size = (box) => (box[2] - box[0]) * (box[3] - box[1]);

  // Cover the line through `points`, {x, y, radius} each; the boxes that have changed.
  const trace = (edit, points, softness) => {
    const boxes = [];
    for (let index = 1; index < points.length; index += 1) {
      const [start, end] = [points[index - 1], points[index]];
      const pieces = Math.max(1, Math.ceil(distance(start, end) / Math.max(PIECE, end.radius)));
      const at = (share) => ({
        x: start.x + (end.x - start.x) * share,
        y: start.y + (end.y - start.y) * share,
        radius: start.radius + (end.radius - start.radius) * share,
      });
      for (let piece = 0; piece < pieces; piece += 1) {
        const box = edit.coverage.segment(at(piece / pieces), at((piece + 1) / pieces), softness);
        if (box) boxes.push(box);
      }
    }
    if (!boxes.length) return boxes;
    const all = boxes.reduce(join);
    return size(all) <= boxes.reduce((sum, box) => sum + size(box), 0) ? [all] : boxes;
  };

  const lay = (canvas, edit, boxes) => {
    for (const box of boxes) {
      edit.lay(box);
      canvas.view.paint(box);
    }
  };

  // A shape that is covered at once, by `cover(coverage)`, which returns its box.
  const layShape = (canvas, ink, cover) => {
    const edit = new Edit(canvas.drawing, ink);
    const box = cover(edit.coverage);
    if (!box) return;
    edit.layAll();
    canvas.view.paint(box);
    canvas.commit(edit.finish());
  };

  // Freehand, with the brush or the eraser.
  const stroke = (canvas, point, event, erase) => {
    const softness = canvas.brush(erase).softness / 100;
    const edit = new Edit(canvas.drawing, canvas.ink(erase));
    const sized = (at, pointer) => ({ ...at, radius: canvas.radius(erase, pointer) });
    let last = sized(point, event);
    lay(canvas, edit, trace(edit, [last, last], softness));
    return {
      move: (points, pointers) => {
        const path = [last, ...points.map((at, index) => sized(at, pointers[index]))];
        last = path[path.length - 1];
        lay(canvas, edit, trace(edit, path, softness));
      },
      end: () => {
        canvas.lastPoint = last;
        canvas.commit(edit.finish());
      },
      cancel: () => {
        edit.cancel();
        canvas.view.paint();
      },
    };
  };

  // A straight line with Shift: dragged, or on a click from the end of the last stroke.
  const line = (canvas, start, event, erase) => {
    const softness = canvas.brush(erase).softness / 100;
    const radius = canvas.radius(erase, event);
    const look = {
      fill: "none",
      stroke: erase ? "#8888" : canvas.shownColor,
      strokeWidth: 2 * radius,
      strokeLinecap: "round",
    };
    const path = (end) => `M${start.x} ${start.y}L${end.x} ${end.y}`;
    return {
      move: (points) => canvas.view.outline(path(points[points.length - 1]), look),
      end: (end) => {
        canvas.view.outline("");
        const click = distance(start, end) * canvas.view.scale < CLICK;
        const from = click && canvas.lastPoint ? canvas.lastPoint : start;
        const edit = new Edit(canvas.drawing, canvas.ink(erase));
        const ends = [from, end].map((at) => ({ ...at, radius }));
        lay(canvas, edit, trace(edit, ends, softness));
        canvas.lastPoint = ends[1];
        canvas.commit(edit.finish());
      },
      cancel: () => canvas.view.outline(""),
    };
  };

  const freehand = (erase) => (canvas, point, event) =>
    (event.shiftKey ? line : stroke)(canvas, point, event, erase);

  // The corner opposite `start`; with Shift, of a square.
  const corner = (start, end, event) => {
    if (!event?.shiftKey) return end;
    const side = Math.max(Math.abs(end.x - start.x), Math.abs(end.y - start.y));
    return {
      x: start.x + side * (Math.sign(end.x - start.x) || 1),
      y: start.y + side * (Math.sign(end.y - start.y) || 1),
    };
  };

  // A shape between two corners: `path` shows it meanwhile, `done(start, end)` makes it.
  const dragged = (canvas, start, path, done, look) => {
    let last = null; // the event that moved last, which knows whether Shift is held
    return {
      move: (points, events) => {
        last = events[events.length - 1];
        canvas.view.outline(path(start, corner(start, points[points.length - 1], last)), look);
      },
      end: (end) => {
        canvas.view.outline("");
        done(start, corner(start, end, last));
      },
      cancel: () => canvas.view.outline(""),
    };
  };

  const boxPath = (a, b) => `M${a.x} ${a.y}H${b.x}V${b.y}H${a.x}Z`;
  const ellipsePath = (a, b) => {
    const [rx, ry] = [Math.abs(b.x - a.x) / 2, Math.abs(b.y - a.y) / 2];
    const [left, right] = [Math.min(a.x, b.x), Math.max(a.x, b.x)];
    const y = (a.y + b.y) / 2;
    return `M${left} ${y}A${rx} ${ry} 0 0 1 ${right} ${y}A${rx} ${ry} 0 0 1 ${left} ${y}Z`;
  };

  const shapeLook = (canvas) =>
    canvas.subtracts ? { fill: "#8886" } : { fill: canvas.shownColor, opacity: canvas.shownOpacity };

  const shape = (path, cover) => (canvas, start) =>
    dragged(
      canvas,
      start,
      path,
      (a, b) => layShape(canvas, canvas.ink(canvas.subtracts), (shapes) => shapes[cover](a, b)),
      shapeLook(canvas),
    );

  // A closed line drawn by hand, handed to `done(points)`.
  const loop = (canvas, start, done, look) => {
    const outline = [start];
    return {
      move: (points) => {
        outline.push(...points);
        const path = outline.map((point) => `${point.x} ${point.y}`).join("L");
        canvas.view.outline(`M${path}Z`, look);
      },
      end: () => {
        canvas.view.outline("");
        if (outline.length > 2) done(outline);
      },
      cancel: () => canvas.view.outline(""),
    };
  };

  const lasso = (canvas, start) => {
    const fill = (points) =>
      layShape(canvas, canvas.ink(canvas.subtracts), (shapes) => shapes.outline(points));
    return loop(canvas, start, fill, shapeLook(canvas));
  };

  const inside = (canvas, { x, y }) => {
    const { width, height } = canvas.drawing;
    return x >= 0 && y >= 0 && x < width && y < height;
  };
  const whole = ({ x, y }) => ({ x: Math.floor(x), y: Math.floor(y) });

  // A sketch is filled up to what looks different; a mask up to what is masked differently, and
  // one pixel into it, so that no bare line is left along a soft edge.
  const bucket = (canvas, point) => {
    if (!inside(canvas, point)) return;
    const { flood } = redraw.paint;
    const { drawing } = canvas;
    const mask = canvas.mode === "mask";
    const pixels = mask ? flood.strengths(drawing) : flood.colours(canvas.image, drawing);
    const found = flood.area(pixels, drawing.width, drawing.height, whole(point), {
      tolerance: canvas.settings.tolerance,
      margin: mask ? 1 : 0,
    });
    layShape(canvas, canvas.ink(canvas.subtracts), (shapes) => shapes.bytes(found.box, found.bytes));
  };

  const picker = (canvas, point) => {
    const pick = (at) => inside(canvas, at) && canvas.setColor(canvas.colorAt(whole(at)));
    pick(point);
    return {
      move: (points) => pick(points[points.length - 1]),
      end: () => canvas.pickedColor(),
    };
  };

  const hand = (canvas, _, event) => {
    let last = event;
    return {
      move: (points, events) => {
        const now = events[events.length - 1];
        canvas.view.pan(now.clientX - last.clientX, now.clientY - last.clientY);
        last = now;
      },
    };
  };

  // Everything of the clicked colour, found by the server in the picture itself.
  const wand = (canvas, point) => {
    if (!inside(canvas, point)) return;
    const { tolerance, connected } = canvas.settings;
    canvas.selectBy({ kind: "colour", ...whole(point), tolerance, connected });
  };

  // The object inside a rough rectangle or line.
  const cutout = (canvas, start) => {
    const ask = (points) => {
      const { width, height } = canvas.drawing;
      const outline = points.map(({ x, y }) => [clamp(x, 0, width), clamp(y, 0, height)]);
      canvas.selectBy({ kind: "object", outline });
    };
    const look = { fill: "#fff2" };
    if (canvas.settings.loop) return loop(canvas, start, ask, look);
    const corners = (a, b) => {
      if (distance(a, b) * canvas.view.scale < CLICK) return;
      ask([a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }]);
    };
    return dragged(canvas, start, boxPath, corners, look);
  };

  // In the order of the tool strip. `options` are the fields of the bar above, `ring` shows the
  // brush's size at the pointer.
  const BRUSH = ["color", "size", "softness", "opacity", "pressure"];
  const SHAPE = ["color", "opacity", "subtract"];
  const TOOLS = [
    { name: "brush", label: "Brush", key: "b", options: BRUSH, ring: true, start: freehand(false) },
    { name: "eraser", label: "Eraser", key: "e", options: ["size", "softness", "opacity", "pressure"], ring: true, start: freehand(true) },
    { name: "rectangle", label: "Rectangle", key: "u", options: SHAPE, start: shape(boxPath, "rectangle") },
    { name: "ellipse", label: "Ellipse", key: "o", options: SHAPE, start: shape(ellipsePath, "ellipse") },
    { name: "lasso", label: "Lasso fill", key: "l", options: SHAPE, start: lasso },
    { name: "bucket", label: "Bucket fill", key: "g", options: ["color", "opacity", "tolerance", "subtract"], start: bucket },
    { name: "picker", label: "Pick a colour from the picture", key: "i", only: "sketch", options: ["color", "screen"], start: picker },
    { name: "wand", label: "Select by colour", key: "m", only: "mask", options: ["tolerance", "connected", "subtract"], start: wand },
    { name: "cutout", label: "Select an object", key: "a", only: "mask", options: ["loop", "subtract"], start: cutout },
    { name: "hand", label: "Move the view", key: "h", options: [], start: hand },
  ];

  Object.assign(redraw.paint, { TOOLS, layShape });
})();
