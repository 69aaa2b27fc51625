// The prompt boxes: attention editing, moving items, token counters, bracket check, dropped files.
(() => {
  const PROMPTS = "#img2img_prompt textarea, #img2img_neg_prompt textarea";
  const DELIMITERS = ".,\\/!?%^*;:{}=`~() \t\r\n";
  const PAIRS = { "(": ")", "[": "]", "<": ">" };
  const EXTRA_STEP = 0.05; // for <lora:name:weight>
  const COUNT_AFTER = 800; // milliseconds without typing
  const COUNT_AGAIN = 3000; // while the server cannot count yet

  const escaped = (text, index) => {
    let slashes = 0;
    while (text[index - 1 - slashes] === "\\") slashes += 1;
    return slashes % 2 === 1;
  };

  const closingOf = (text, open) => {
    const [opener, closer] = [text[open], PAIRS[text[open]]];
    let depth = 0;
    for (let index = open; index < text.length; index += 1) {
      if (escaped(text, index)) continue;
      if (text[index] === opener) depth += 1;
      if (text[index] === closer && (depth -= 1) === 0) return index;
    }
    return -1;
  };

  // The innermost pair of brackets around the caret, as indices of what stands between them.
  const enclosing = (text, caret) => {
    for (let open = caret - 1; open >= 0; open -= 1) {
      if (!(text[open] in PAIRS) || escaped(text, open)) continue;
      const close = closingOf(text, open);
      if (close >= caret) return [open + 1, close];
    }
    return null;
  };

  const wordAt = (text, caret) => {
    let [start, end] = [caret, caret];
    while (start > 0 && !DELIMITERS.includes(text[start - 1])) start -= 1;
    while (end < text.length && !DELIMITERS.includes(text[end])) end += 1;
    return start === end ? null : [start, end];
  };

  const round = (value, step) => {
    const digits = Math.max(0, (String(step).split(".")[1] ?? "").length);
    return Number((Math.round(value / step) * step).toFixed(digits));
  };

  // How often `bracket` stands directly before `start` and its partner directly after `end`.
  const nesting = (text, start, end, bracket) => {
    let depth = 0;
    while (
      text[start - 1 - depth] === bracket &&
      !escaped(text, start - 1 - depth) &&
      text[end + depth] === PAIRS[bracket]
    )
      depth += 1;
    return depth;
  };

  // The part that is weighed: its text, its weight now, and the range that will be replaced.
  const weighed = (text, start, end, step) => {
    const inner = text.slice(start, end).match(/^([^]*?):\s*([+-]?[\d.]+)\s*$/);
    if (inner && text[start - 1] === "(" && text[end] === ")")
      return { words: inner[1], weight: Number(inner[2]), from: start - 1, to: end + 1 };
    const after = text.slice(end).match(/^:\s*([+-]?[\d.]+)\s*\)/);
    if (after && text[start - 1] === "(")
      return {
        words: text.slice(start, end),
        weight: Number(after[1]),
        from: start - 1,
        to: end + after[0].length,
      };
    for (const [bracket, factor] of [["(", 1.1], ["[", 1 / 1.1]]) {
      const depth = nesting(text, start, end, bracket);
      if (depth)
        return {
          words: text.slice(start, end),
          weight: round(factor ** depth, step),
          from: start - depth,
          to: end + depth,
        };
    }
    return { words: text.slice(start, end), weight: 1, from: start, to: end };
  };

  // Typed in through the browser where it can be, so that Ctrl+Z takes it back.
  const replace = (box, from, to, text, selectFrom, selectTo) => {
    box.focus({ preventScroll: true });
    box.setSelectionRange(from, to);
    if (!document.execCommand(text ? "insertText" : "delete", false, text)) {
      box.setRangeText(text, from, to);
      box.dispatchEvent(new Event("input", { bubbles: true }));
    }
    box.setSelectionRange(selectFrom, selectTo);
  };

  // Types into a prompt from elsewhere: the focus stays where it is, and no keyboard comes up on a
  // phone, where there is no Ctrl+Z either.
  redraw.typeInto = (box, from, to, text) => {
    const caret = from + text.length;
    if (matchMedia("(pointer: coarse)").matches) {
      box.setRangeText(text, from, to);
      box.dispatchEvent(new Event("input", { bubbles: true }));
      return;
    }
    const focused = document.activeElement;
    replace(box, from, to, text, caret, caret);
    if (focused && focused !== box && focused !== document.body)
      focused.focus({ preventScroll: true });
  };

  redraw.replaceText = replace;

  const editExtra = (box, start, end, direction) => {
    const text = box.value;
    const found = text.slice(start, end).match(/^([^]*:)\s*([+-]?[\d.]+)\s*$/);
    if (!found) return;
    const changed = round(Number(found[2]) + direction * EXTRA_STEP, EXTRA_STEP);
    const written = `${found[1]}${changed}`;
    replace(box, start, end, written, start, start + written.length);
  };

  redraw.editAttention = (box, direction) => {
    const text = box.value;
    let [start, end] = [box.selectionStart, box.selectionEnd];
    if (start === end) {
      const range = enclosing(text, start) ?? wordAt(text, start);
      if (!range) return;
      [start, end] = range;
    }
    while (end > start && text[end - 1] === " ") end -= 1;
    while (end > start && text[start] === " ") start += 1;
    if (start === end) return;
    if (text[start - 1] === "<") return editExtra(box, start, end, direction);
    const step = redraw.options().attentionStep ?? 0.1;
    const { words, weight, from, to } = weighed(text, start, end, step);
    const changed = round(weight + direction * step, step);
    const written = changed === 1 ? words : `(${words}:${changed})`;
    const offset = changed === 1 ? from : from + 1;
    replace(box, from, to, written, offset, offset + words.length);
  };

  // Alt+arrows move the comma-separated items that the selection touches past their neighbour.
  redraw.moveItems = (box, direction) => {
    const items = box.value.split(",");
    const starts = [];
    items.reduce((position, item) => (starts.push(position), position + item.length + 1), 0);
    const holds = (position) => starts.findLastIndex((start) => start <= position);
    const [first, last] = [holds(box.selectionStart), holds(box.selectionEnd)];
    const neighbour = direction < 0 ? first - 1 : last + 1;
    if (neighbour < 0 || neighbour >= items.length) return;
    const words = items.map((item) => item.trim());
    const [moved] = words.splice(neighbour, 1);
    words.splice(direction < 0 ? last : first, 0, moved);
    const written = words.join(", ");
    const lead = words.slice(0, first + direction).join(", ");
    const from = lead ? lead.length + 2 : 0;
    const to = from + words.slice(first + direction, last + direction + 1).join(", ").length;
    replace(box, 0, box.value.length, written, from, to);
  };

  let counting = null;
  const countIn = (milliseconds) => {
    clearTimeout(counting);
    counting = setTimeout(() => {
      document.body.dataset.counters = redraw.options().counters ? "shown" : "hidden";
      if (redraw.options().counters) redraw.press("img2img_token_button");
    }, milliseconds);
  };

  // Whatever changed a prompt, a person or the program.
  redraw.countTokensSoon = () => {
    redraw.markPromptsSoon();
    redraw.markUsedSoon();
    countIn(COUNT_AFTER);
  };

  redraw.tokensCounted = () => {
    requestAnimationFrame(checkBrackets);
    if (!redraw.find("#img2img_token_counter")?.textContent.trim()) countIn(COUNT_AGAIN);
  };

  const unbalanced = (text) =>
    ["()", "[]", "{}"].filter((pair) => {
      const count = (bracket) =>
        [...text].filter((letter, index) => letter === bracket && !escaped(text, index)).length;
      return count(pair[0]) !== count(pair[1]);
    });

  const checkBrackets = () => {
    for (const [prompt, counter] of [
      ["img2img_prompt", "img2img_token_counter"],
      ["img2img_neg_prompt", "img2img_negative_token_counter"],
    ]) {
      const wrong = unbalanced(redraw.find(`#${prompt} textarea`)?.value ?? "");
      const element = redraw.find(`#${counter}`);
      if (!element) continue;
      element.dataset.unbalanced = String(wrong.length > 0);
      element.title = wrong.map((pair) => `Different number of ${pair[0]} and ${pair[1]}`).join("\n");
    }
  };

  document.addEventListener("redraw:ready", redraw.countTokensSoon);
  document.addEventListener("input", (event) => {
    if (event.target.matches?.(PROMPTS)) checkBrackets();
  });

  // A file dropped on a prompt goes to a hidden file field, whose event reads it.
  const onPrompt = (event) => event.target.closest?.("#img2img_prompt_container");
  document.addEventListener("dragover", (event) => {
    if (onPrompt(event) && event.dataTransfer.types.includes("Files")) event.preventDefault();
  });
  document.addEventListener(
    "drop",
    (event) => {
      if (!onPrompt(event) || !event.dataTransfer.files.length) return;
      event.preventDefault();
      event.stopPropagation();
      redraw.putFile("img2img_prompt_image", event.dataTransfer.files[0]);
    },
    true,
  );

  redraw.isPrompt = (element) => element.matches?.(PROMPTS);
})();
