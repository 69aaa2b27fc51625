// Colours behind the words of a prompt: what weighs more or less, tags, edits, comments, and names
// that are not known. They lie on a copy of the text behind the box, which itself stays as it is.
(() => {
  const BOXES = "#img2img_prompt textarea, #img2img_neg_prompt textarea";
  const LONGEST = 20_000; // characters; a longer prompt is left plain
  const DEEPEST = 50; // brackets open at once; the program reads no more either
  const STARS = 6;
  const FULL = Math.log(2); // a weight of 2 has the full colour, and so has one of 1/2
  const COPIED = [
    ...["font", "fontFeatureSettings", "fontKerning", "letterSpacing", "wordSpacing", "lineHeight"],
    ...["textIndent", "textAlign", "textTransform", "tabSize", "direction"],
    ...["paddingTop", "paddingRight", "paddingBottom", "paddingLeft"],
  ];

  const WEIGHT = /:\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*$/;
  const WILDCARD = /__(?![_ ])(?:(?!__)[\p{L}\p{N}_/.*\- ]){1,200}(?<! )__/u;
  const TOKEN = new RegExp(
    [
      /\\[^]|#[^\n]*|<[^<>\n]+>/, // an escape, a comment, a tag
      WILDCARD,
      /[()[\]|:]|(?:(?!__)[^\s,()[\]{}|:<>\\#])+|__/, // a bracket or mark, a word
    ]
      .map((pattern) => pattern.source)
      .join("|"),
    "gu",
  );

  const isWildcard = (word, { wildcards }) => {
    const wanted = word.slice(2, -2).toLowerCase();
    if (!wanted.includes("*")) return wildcards.includes(wanted);
    const parts = wanted.split(/\*+/).map((part) => part.replace(/[.-]/g, "\\$&"));
    if (parts.length > STARS) return true; // too long to look for
    return wildcards.some((name) => new RegExp(`^${parts.join(".*")}$`).test(name));
  };

  // Pieces of `text` that have a kind, and ranges with the logarithm of what they are weighed by.
  const read = (text, isPositive, names) => {
    const pieces = [];
    const ranges = [];
    const unknown = [];
    const open = { "(": [], "[": [] };
    const { comments = true } = redraw.options();

    const name = (from, to, kind, called) => {
      pieces.push([from, to, kind]);
      if (kind === "unknown") unknown.push(called);
    };
    const readTag = (from, written) => {
      const [kind, ...parts] = written.slice(1, -1).toLowerCase().split(":");
      if (!parts.length || !/^\w+$/.test(kind)) return;
      // A name may have colons in it.
      const called = parts.map((_, index) => parts.slice(0, index + 1).join(":"));
      const isLora = isPositive && /^(lora|lyco)$/.test(kind);
      const known = isLora && (!names || called.some((one) => names.isLora.has(one)));
      name(from, from + written.length, known ? "network" : "unknown", written);
    };
    const readWord = (from, word) => {
      if (word === "BREAK" || (word === "AND" && isPositive))
        pieces.push([from, from + word.length, "keyword"]);
      else if (names?.isEmbedding.has(word.toLowerCase()))
        pieces.push([from, from + word.length, "network"]);
      else if (names && word.length > 4 && word.startsWith("__"))
        name(from, from + word.length, isWildcard(word, names) ? "network" : "unknown", word);
    };
    const close = (opener, at) => {
      const from = open[opener].pop();
      if (!from) return;
      const inner = text.slice(from.at + 1, at);
      const number = from.marked && inner.slice(-24).match(WEIGHT);
      if (opener === "[" && (number || from.turns)) pieces.push([from.at, at + 1, "edit"]);
      else {
        const factor = opener === "[" ? 1 / 1.1 : number ? Number(number[1]) : 1.1;
        ranges.push([from.at, at + 1, factor > 0 ? Math.log(factor) : -FULL]);
      }
    };

    for (const { 0: token, index } of text.matchAll(TOKEN)) {
      if (token in open) {
        if (open[token].length < DEEPEST)
          open[token].push({ at: index, marked: false, turns: false });
      } else if (token === ")" || token === "]") close(token === ")" ? "(" : "[", index);
      else if (token === "|" || token === ":") {
        const innermost = [open["("].at(-1), open["["].at(-1)]
          .filter(Boolean)
          .sort((one, other) => other.at - one.at)[0];
        if (innermost) innermost[token === "|" ? "turns" : "marked"] = true;
      } else if (token.startsWith("#")) {
        if (comments) pieces.push([index, index + token.length, "comment"]);
      } else if (token.startsWith("<")) readTag(index, token);
      else if (!token.startsWith("\\")) readWord(index, token);
    }
    // Brackets that nothing closes weigh to the end, as the program reads them.
    for (const left of open["("]) ranges.push([left.at, text.length, Math.log(1.1)]);
    for (const left of open["["]) ranges.push([left.at, text.length, -Math.log(1.1)]);
    return { pieces, ranges, unknown };
  };

  // The text in stretches of one kind and one weight each.
  const stretches = (text, { pieces, ranges }) => {
    const changes = new Map([[0, []]]);
    const at = (index) => changes.get(index) ?? changes.set(index, []).get(index);
    for (const [from, to, kind] of pieces) {
      at(from).push({ kind, on: true });
      at(to).push({ kind, on: false });
    }
    for (const [from, to, logarithm] of ranges) {
      at(from).push({ logarithm });
      at(to).push({ logarithm: -logarithm });
    }
    const places = [...changes.keys()].sort((one, other) => one - other);
    const kinds = new Map();
    let weight = 0;
    return places.map((from, index) => {
      for (const { kind, on, logarithm = 0 } of changes.get(from)) {
        weight += logarithm;
        if (kind) kinds.set(kind, (kinds.get(kind) ?? 0) + (on ? 1 : -1));
      }
      const shown = [...kinds].filter(([, count]) => count > 0).map(([kind]) => kind);
      return { text: text.slice(from, places[index + 1]), kinds: shown, weight };
    });
  };

  const draw = (box, copy) => {
    const text = box.value.length > LONGEST ? "" : box.value;
    const found = read(text, Boolean(box.closest("#img2img_prompt")), redraw.networkNames.known());
    box.title = found.unknown.length ? `Not known: ${[...new Set(found.unknown)].join(", ")}` : "";
    if (!found.pieces.length && !found.ranges.length) {
      copy.replaceChildren();
      return;
    }
    copy.replaceChildren(
      ...stretches(text, found).map((part) => {
        const level = Math.min(1, Math.abs(part.weight) / FULL);
        if (!part.kinds.length && level < 0.01) return part.text;
        const span = document.createElement("span");
        span.textContent = part.text;
        span.className = part.kinds.map((kind) => `mark-${kind}`).join(" ");
        if (level >= 0.01) {
          span.classList.add(part.weight > 0 ? "mark-more" : "mark-less");
          span.style.setProperty("--level", level.toFixed(2));
        }
        return span;
      }),
      "\n", // so that an empty last line counts
    );
  };

  const place = (box, copy) => {
    const style = getComputedStyle(box);
    for (const name of COPIED) copy.style[name] = style[name];
    const sides = ["Left", "Top"].map(
      (side) => box[`offset${side}`] + parseFloat(style[`border${side}Width`]),
    );
    Object.assign(copy.style, {
      left: `${sides[0]}px`,
      top: `${sides[1]}px`,
      width: `${box.clientWidth}px`, // without a scroll bar
      height: `${box.clientHeight}px`,
    });
    copy.scrollTop = box.scrollTop;
  };

  const watched = new WeakSet();
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const copy = target.parentElement?.querySelector(".prompt-marks");
      if (copy) place(target, copy);
    }
  });

  const copyOf = (box) => {
    let copy = box.parentElement.querySelector(".prompt-marks");
    if (!copy) {
      copy = document.createElement("div");
      copy.className = "prompt-marks";
      copy.ariaHidden = "true";
      box.before(copy);
    }
    if (!watched.has(box)) {
      watched.add(box);
      resized.observe(box);
      box.addEventListener("scroll", () => (copyOf(box).scrollTop = box.scrollTop), {
        passive: true,
      });
    }
    return copy;
  };

  const markAll = () => {
    for (const box of document.querySelectorAll(BOXES)) {
      if (box.value.includes("<")) redraw.networkNames.get();
      const copy = copyOf(box);
      draw(box, copy);
      place(box, copy);
    }
  };

  let waiting = false;
  redraw.markPromptsSoon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      markAll();
    });
  };

  document.addEventListener("input", (event) => {
    if (redraw.isPrompt(event.target)) redraw.markPromptsSoon();
  });
  for (const happened of ["redraw:ready", "redraw:names"])
    document.addEventListener(happened, redraw.markPromptsSoon);

  // Where a character of a box is on the screen: the foot of its line.
  redraw.placeOfCharacter = (box, index) => {
    const copy = document.createElement("div");
    copy.className = "prompt-marks";
    box.before(copy);
    const point = document.createElement("span");
    point.textContent = "\u200b";
    copy.append(box.value.slice(0, index), point, box.value.slice(index));
    place(box, copy);
    const { left, bottom, height } = point.getBoundingClientRect();
    copy.remove();
    return { left, bottom, height };
  };
})();
