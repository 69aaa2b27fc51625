// The pose editor: joints, hands and faces are moved with the mouse, and the map of them becomes a
// unit's picture.
(() => {
  const {
    JOINTS, LIMBS, HUES, PARTS, FINGERS, DOTS, boneColor, css, draw, fromJson, limbColor, standing,
    toJson,
  } = redraw.pose;
  const SVG = "http://www.w3.org/2000/svg";
  const STEPS_KEPT = 100;
  const kept = new Map(); // unit -> the pose that was last edited for it

  const BUTTONS = [
    ["add", "Add person"],
    ["remove", "Remove person"],
    ["undo", "Undo"],
    ["load", "Load JSON"],
    ["save", "Save JSON"],
    ["cancel", "Cancel"],
    ["use", "Use as image"],
  ];
  const HINT =
    "Drag a joint, a hand or a face to move it, a limb to move the person. A hand follows its " +
    "wrist, a face the nose. Delete leaves out what is chosen, arrow keys move it.";

  const svg = (name, attributes) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  // What is chosen: a person, and of that one joint or one of PARTS, or all of it.
  const wholeOf = (person) => ({ person, joint: null, part: null });

  class PoseEditor {
    // For unit `index`; `pose` = {width, height, people}.
    constructor(index, pose) {
      this.index = index;
      this.pose = pose;
      this.chosen = wholeOf(0);
      this.before = []; // for Undo, as JSON
      this.root = document.createElement("div");
      Object.assign(this.root, { className: "popup open pose-editor", role: "dialog" });
      this.root.ariaLabel = `Pose of ControlNet Unit ${index}`;
      this.root.innerHTML = `
        <div class="popup-body pose-body">
          <div class="pose-bar" role="toolbar">${BUTTONS.map(
            ([action, label]) => `<button type="button" data-pose="${action}">${label}</button>`,
          ).join("")}</div>
          <div class="pose-stage" tabindex="0"></div>
          <p class="pose-hint" role="status">${HINT}</p>
          <input type="file" accept=".json,application/json" hidden>
        </div>`;
      this.stage = this.root.querySelector(".pose-stage");
      this.hint = this.root.querySelector(".pose-hint");
      this.chooser = this.root.querySelector("input");
      document.body.append(this.root);
      this.listen();
      this.show();
      this.stage.focus();
    }

    listen() {
      this.root.addEventListener("click", (event) => {
        const { pose } = event.target.dataset;
        if (pose) this[pose]();
      });
      this.chooser.addEventListener("change", async () => {
        const [file] = this.chooser.files;
        this.chooser.value = "";
        if (file) this.open(await file.text());
      });
      this.stage.addEventListener("pointerdown", (event) => this.press(event));
      // Keys belong to the editor while it is open, and not to the page behind it.
      this.root.addEventListener("keydown", (event) => {
        event.stopPropagation();
        if (this.key(event)) event.preventDefault();
      });
    }

    // ---- what is seen

    show() {
      const { width, height, people } = this.pose;
      const picture = svg("svg", { viewBox: `0 0 ${width} ${height}` });
      picture.append(svg("rect", { width, height, fill: "#000" }));
      people.forEach((person, number) => picture.append(this.figure(person, number)));
      this.stage.replaceChildren(picture);
      this.stage.style.aspectRatio = `${width} / ${height}`;
      this.root.querySelector("[data-pose=undo]").disabled = !this.before.length;
      this.root.querySelector("[data-pose=remove]").disabled = !people.length;
    }

    figure(person, number) {
      const { width, height } = this.pose;
      const size = Math.max(width, height) / 128;
      const group = svg("g", { "data-person": number });
      const line = (points, [from, to], color, wide, data) => {
        const [a, b] = [points[from], points[to]];
        if (!a || !b) return;
        const place = { x1: a.x, y1: a.y, x2: b.x, y2: b.y };
        group.append(svg("line", { ...place, stroke: css(color), "stroke-width": wide, ...data }));
      };
      LIMBS.forEach((ends, limb) =>
        line(person.joints, ends, limbColor(limb), 1.6 * size, { "data-limb": limb }),
      );
      for (const [part, { name }] of Object.entries(PARTS)) {
        const points = person[part];
        if (!points) continue;
        const data = { "data-part": part };
        const chosen = this.chosen.person === number && this.chosen.part === part;
        const { radius, color } = DOTS[part];
        if (part !== "face")
          FINGERS.forEach((ends, bone) => line(points, ends, boneColor(bone), 0.5 * size, data));
        for (const point of points) {
          if (!point) continue;
          const circle = svg("circle", {
            cx: point.x, cy: point.y, r: 0.14 * radius * size, fill: css(color), ...data,
            stroke: chosen ? "#fff" : "transparent", "stroke-width": size / 3,
          });
          const title = svg("title", {});
          title.textContent = name;
          circle.append(title);
          group.append(circle);
        }
      }
      person.joints.forEach((joint, at) => {
        if (!joint) return;
        const chosen = this.chosen.person === number && this.chosen.joint === at;
        const circle = svg("circle", {
          cx: joint.x, cy: joint.y, r: 1.3 * size, fill: css(HUES[at]), "data-joint": at,
          stroke: chosen ? "#fff" : "transparent", "stroke-width": chosen ? size / 2 : 2 * size,
        });
        const title = svg("title", {});
        title.textContent = JOINTS[at];
        circle.append(title);
        group.append(circle);
      });
      return group;
    }

    // ---- changes

    remember() {
      this.before.push(JSON.stringify(this.pose));
      if (this.before.length > STEPS_KEPT) this.before.shift();
    }

    undo() {
      if (!this.before.length) return;
      this.pose = JSON.parse(this.before.pop());
      this.show();
    }

    add() {
      const { width, height, people } = this.pose;
      this.remember();
      people.push(standing(width, height, people.length));
      this.chosen = wholeOf(people.length - 1);
      this.show();
    }

    remove() {
      const { people } = this.pose;
      if (!people.length) return;
      this.remember();
      people.splice(Math.min(this.chosen.person, people.length - 1), 1);
      this.chosen = wholeOf(Math.max(0, people.length - 1));
      this.show();
    }

    // Where on the map an event of the pointer is.
    place(event) {
      const matrix = this.stage.firstElementChild.getScreenCTM().inverse();
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
      return { x, y };
    }

    press(event) {
      const { joint, limb, part } = event.target.dataset;
      const person = Number(event.target.closest("[data-person]")?.dataset.person);
      if (Number.isNaN(person) || (joint ?? limb ?? part) === undefined) return;
      event.preventDefault();
      this.stage.focus();
      this.remember();
      this.chosen = wholeOf(person);
      if (part) this.chosen.part = part;
      else if (joint) this.chosen.joint = Number(joint);
      let last = this.place(event);
      const move = (moved) => {
        const now = this.place(moved);
        this.shift(now.x - last.x, now.y - last.y);
        last = now;
      };
      const end = () => {
        window.removeEventListener("pointermove", move);
        window.removeEventListener("pointerup", end);
        window.removeEventListener("pointercancel", end);
      };
      window.addEventListener("pointermove", move);
      window.addEventListener("pointerup", end);
      window.addEventListener("pointercancel", end);
      this.show();
    }

    // Hands and face that go with the chosen joint, hand or face; all of them with a whole person.
    followers() {
      const { joint, part } = this.chosen;
      if (part) return [part];
      return Object.keys(PARTS).filter((one) => joint === null || PARTS[one].joint === joint);
    }

    // Move what is chosen.
    shift(dx, dy) {
      const { person: number, joint, part } = this.chosen;
      const person = this.pose.people[number];
      if (!person) return;
      const joints = part ? [] : joint === null ? person.joints : [person.joints[joint]];
      for (const one of [...joints, ...this.followers().flatMap((name) => person[name] ?? [])])
        if (one) {
          one.x += dx;
          one.y += dy;
        }
      this.show();
    }

    key(event) {
      const step = event.shiftKey ? 10 : 1;
      const ways = {
        ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step],
      };
      if (event.key === "Escape") return this.cancel(), true;
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z")
        return this.undo(), true;
      const { person, joint, part } = this.chosen;
      if (event.target !== this.stage || !this.pose.people[person]) return false;
      if (ways[event.key]) {
        this.remember();
        this.shift(...ways[event.key]);
        return true;
      }
      if (!["Delete", "Backspace"].includes(event.key) || (joint ?? part) === null) return false;
      this.remember();
      if (!part) this.pose.people[person].joints[joint] = null;
      for (const one of this.followers()) this.pose.people[person][one] = null;
      this.chosen = wholeOf(person);
      this.show();
      return true;
    }

    // ---- in and out

    load() {
      this.chooser.click();
    }

    open(text) {
      try {
        const pose = fromJson(text);
        this.remember();
        this.pose = pose;
        this.chosen = wholeOf(0);
        this.hint.textContent = HINT;
        this.hint.classList.remove("error");
        this.show();
      } catch (error) {
        this.hint.textContent = error.message;
        this.hint.classList.add("error");
      }
    }

    save() {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([toJson(this.pose)], { type: "application/json" }));
      link.download = "pose.json";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    }

    cancel() {
      this.root.remove();
    }

    async use() {
      kept.set(this.index, this.pose);
      const file = await draw(this.pose);
      this.root.remove();
      redraw.control.useMap(this.index, file);
    }
  }

  // What the editor begins with: the pose that belongs to the preview, the one that was edited
  // last, or one person.
  const begin = (index, detected) => {
    const box = redraw.control.element(index, "pose")?.querySelector("textarea, input");
    if (detected && box?.value) return fromJson(box.value);
    if (kept.has(index)) return structuredClone(kept.get(index));
    const [width, height] = ["img2img_width", "img2img_height"].map((id) =>
      Number(redraw.numberBox(id)?.value) || 512,
    );
    return { width, height, people: [standing(width, height)] };
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".cnet-edit-pose");
    if (!button) return;
    const index = redraw.control.unitOf(button);
    new PoseEditor(index, begin(index, button.matches(".cnet-detected")));
  });
})();
