// Poses: people of 18 joints, two hands and a face as OpenPose has them, in its JSON and as the map
// that a ControlNet for poses was trained with.
//
// One of the people is {joints, left, right, face}: points {x, y} in pixels of the map, null for
// one that is missing, and null in place of the list for a hand or a face that is not there.
(() => {
  const JOINTS = [
    "nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow",
    "left wrist", "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle",
    "right eye", "left eye", "right ear", "left ear",
  ];
  const LIMBS = [
    [1, 2], [1, 5], [2, 3], [3, 4], [5, 6], [6, 7], [1, 8], [8, 9], [9, 10], [1, 11], [11, 12],
    [12, 13], [1, 0], [0, 14], [14, 16], [0, 15], [15, 17],
  ]; // pairs of joints; limb and joint of one number have one hue
  const HUES = [
    [255, 0, 0], [255, 85, 0], [255, 170, 0], [255, 255, 0], [170, 255, 0], [85, 255, 0],
    [0, 255, 0], [0, 255, 85], [0, 255, 170], [0, 255, 255], [0, 170, 255], [0, 85, 255],
    [0, 0, 255], [85, 0, 255], [170, 0, 255], [255, 0, 255], [255, 0, 170], [255, 0, 85],
  ];
  const LIMB_SHADE = 0.6; // of the joints' brightness
  const HALF_WIDTH = 4; // pixels of the map: of a limb, and the radius of a joint

  // Beside the body: the name in the JSON, how many points, and the joint that they follow.
  const PARTS = {
    left: { key: "hand_left_keypoints_2d", count: 21, joint: 7, name: "left hand" },
    right: { key: "hand_right_keypoints_2d", count: 21, joint: 4, name: "right hand" },
    face: { key: "face_keypoints_2d", count: 70, joint: 0, name: "face" },
  };
  const BODY = "pose_keypoints_2d";

  // From the wrist, point 0, four bones to the tip of each finger.
  const FINGERS = Array.from({ length: 20 }, (_, bone) => [bone % 4 ? bone : 0, bone + 1]);
  const FINGER_WIDTH = 2; // pixels of the map
  const DOTS = {
    left: { radius: 4, color: [0, 0, 255] },
    right: { radius: 4, color: [0, 0, 255] },
    face: { radius: 3, color: [255, 255, 255] },
  };

  // Somebody who stands upright, as shares of a square.
  const STANDING = [
    [0.5, 0.16], [0.5, 0.26], [0.42, 0.26], [0.38, 0.4], [0.36, 0.53], [0.58, 0.26], [0.62, 0.4],
    [0.64, 0.53], [0.45, 0.53], [0.44, 0.71], [0.43, 0.89], [0.55, 0.53], [0.56, 0.71],
    [0.57, 0.89], [0.475, 0.135], [0.525, 0.135], [0.445, 0.15], [0.555, 0.15],
  ];

  const shade = (hue, share) => hue.map((value) => Math.trunc(value * share));
  const css = (color) => `rgb(${color.join()})`;
  const limbColor = (limb) => shade(HUES[limb], LIMB_SHADE);

  // Twenty steps around the circle of pure colours.
  const boneColor = (bone) => {
    const hue = (6 * bone) / FINGERS.length;
    return [5, 3, 1].map((shift) => {
      const place = (shift + hue) % 6;
      return Math.round(255 * (1 - Math.max(0, Math.min(place, 4 - place, 1))));
    });
  };

  // A new person in a picture of this size; each one a little further to the right.
  const standing = (width, height, number = 0) => {
    const side = Math.min(width, height);
    const left = (width - side) / 2 + (((number % 5) * side) / 12);
    const top = (height - side) / 2;
    const joints = STANDING.map(([x, y]) => ({ x: left + x * side, y: top + y * side }));
    return { joints, left: null, right: null, face: null };
  };

  // ---- JSON

  // `count` points of a flat list of x, y and how sure; null if that is no such list, or empty.
  const pointsFrom = (flat, count, width, height) => {
    if (!Array.isArray(flat) || flat.length < 3 * count) return null;
    const triples = Array.from({ length: count }, (_, point) =>
      flat.slice(3 * point, 3 * point + 3).map(Number),
    );
    if (!triples.flat().every(Number.isFinite)) return null;
    const isShare = triples.every(([x, y]) => Math.abs(x) <= 1 && Math.abs(y) <= 1);
    const [right, down] = isShare ? [width, height] : [1, 1];
    const points = triples.map(([x, y, sure]) => (sure > 0 ? { x: x * right, y: y * down } : null));
    return points.some(Boolean) ? points : null;
  };

  const personFrom = (given, width, height) => {
    const joints = pointsFrom(given[BODY], JOINTS.length, width, height);
    const person = { joints: joints ?? JOINTS.map(() => null) };
    for (const [part, { key, count }] of Object.entries(PARTS))
      person[part] = pointsFrom(given[key], count, width, height);
    return joints || person.left || person.right || person.face ? person : null;
  };

  // {width, height, people} from a text; an Error says in words why not.
  const fromJson = (text) => {
    let given;
    try {
      given = JSON.parse(text);
    } catch {
      throw new Error("This is not a JSON file.");
    }
    const pose = Array.isArray(given) ? given[0] : given;
    const [width, height] = [Number(pose?.canvas_width), Number(pose?.canvas_height)];
    if (!(width >= 64 && width <= 8192 && height >= 64 && height <= 8192))
      throw new Error("This is no OpenPose JSON: canvas_width and canvas_height are missing.");
    const people = (Array.isArray(pose.people) ? pose.people : [])
      .map((person) => personFrom(person ?? {}, width, height))
      .filter(Boolean);
    return { width, height, people };
  };

  // Shares of the map, but pixels of it where a point lies outside, for whoever reads shares takes
  // a list with anything above 1 for one of pixels.
  const flat = (points, width, height) => {
    if (!points) return null;
    const isInside = ({ x, y }) => x >= 0 && x <= width && y >= 0 && y <= height;
    const areInside = points.every((point) => !point || isInside(point));
    const [across, down] = areInside ? [width, height] : [1, 1];
    return points.flatMap((point) => (point ? [point.x / across, point.y / down, 1] : [0, 0, 0]));
  };

  const toJson = ({ width, height, people }) =>
    JSON.stringify({
      people: people.map((person) => ({
        [BODY]: flat(person.joints, width, height),
        ...Object.fromEntries(
          Object.entries(PARTS).map(([part, { key }]) => [key, flat(person[part], width, height)]),
        ),
      })),
      animals: [],
      canvas_width: width,
      canvas_height: height,
    });

  // ---- the map

  // Only pure colours, and no soft edges: each pixel is the nearest of `pure`, or clear. So the map
  // is still known for one of few colours when it is brought to size.
  const harden = (context, width, height, pure) => {
    const image = context.getImageData(0, 0, width, height);
    const words = new Uint32Array(image.data.buffer);
    const found = new Map();
    const nearest = (word) => {
      if (word >>> 24 < 128) return 0;
      const [red, green, blue] = [word & 255, (word >> 8) & 255, (word >> 16) & 255];
      const far = ([r, g, b]) => (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
      const [r, g, b] = pure.reduce((best, one) => (far(one) < far(best) ? one : best));
      return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
    };
    words.forEach((word, at) => {
      if (!found.has(word)) found.set(word, nearest(word));
      words[at] = found.get(word);
    });
    context.putImageData(image, 0, 0);
  };

  const dot = (context, point, radius, color) => {
    if (!point) return;
    context.fillStyle = css(color);
    context.beginPath();
    context.arc(point.x, point.y, radius, 0, 2 * Math.PI);
    context.fill();
  };

  const drawBody = (context, joints) => {
    LIMBS.forEach(([from, to], limb) => {
      const [a, b] = [joints[from], joints[to]];
      if (!a || !b) return;
      const [x, y] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
      const [half, angle] = [Math.hypot(a.x - b.x, a.y - b.y) / 2, Math.atan2(b.y - a.y, b.x - a.x)];
      context.fillStyle = css(limbColor(limb));
      context.beginPath();
      context.ellipse(x, y, half, HALF_WIDTH, angle, 0, 2 * Math.PI);
      context.fill();
    });
    joints.forEach((joint, number) => dot(context, joint, HALF_WIDTH, HUES[number]));
  };

  const drawFingers = (context, hand) => {
    context.lineWidth = FINGER_WIDTH;
    FINGERS.forEach(([from, to], bone) => {
      const [a, b] = [hand[from], hand[to]];
      if (!a || !b) return;
      context.strokeStyle = css(boneColor(bone));
      context.beginPath();
      context.moveTo(a.x, a.y);
      context.lineTo(b.x, b.y);
      context.stroke();
    });
  };

  const BODY_COLORS = [...HUES, ...LIMBS.map((_, limb) => limbColor(limb))];
  const FINGER_COLORS = FINGERS.map((_, bone) => boneColor(bone));

  // The map as a PNG file.
  const draw = async ({ width, height, people }) => {
    const sheet = () => {
      const canvas = new OffscreenCanvas(width, height);
      return canvas.getContext("2d", { willReadFrequently: true });
    };
    const map = sheet();
    map.fillStyle = "#000";
    map.fillRect(0, 0, width, height);
    // Each on a sheet of its own, so that where two meet nothing of a third colour comes about.
    const lay = (colors, paint) => {
      const context = sheet();
      paint(context);
      harden(context, width, height, colors);
      map.drawImage(context.canvas, 0, 0);
    };
    for (const person of people) {
      lay(BODY_COLORS, (context) => drawBody(context, person.joints));
      for (const [part, { radius, color }] of Object.entries(DOTS)) {
        const points = person[part];
        if (!points) continue;
        if (part !== "face") lay(FINGER_COLORS, (context) => drawFingers(context, points));
        lay([color], (context) => {
          for (const point of points) dot(context, point, radius, color);
        });
      }
    }
    const blob = await map.canvas.convertToBlob({ type: "image/png" });
    return new File([blob], "pose.png", { type: "image/png" });
  };

  redraw.pose = {
    JOINTS, LIMBS, HUES, PARTS, FINGERS, DOTS, limbColor, boneColor, css, standing, fromJson,
    toJson, draw,
  };
})();
