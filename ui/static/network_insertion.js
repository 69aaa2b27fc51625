// Texts that go into a prompt by a click, and out again by the next: tags of LoRAs with what belongs
// to them, names of embeddings, tags of a training.
(() => {
  const POSITIVE = "#img2img_prompt textarea";
  const NEGATIVE = "#img2img_neg_prompt textarea";

  let lastPrompt = POSITIVE;
  document.addEventListener("focusin", (event) => {
    if (event.target.matches?.(NEGATIVE)) lastPrompt = NEGATIVE;
    else if (event.target.matches?.(POSITIVE)) lastPrompt = POSITIVE;
  });

  const literal = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

  // Where `text` stands in a prompt: a tag with any multiplier, or else a word of its own.
  const findText = (value, text) => {
    const tag = text.match(/^(<[^<>]+):[^:<>]*>$/);
    const pattern = tag
      ? `${literal(tag[1])}(?::[^<>]*)?>`
      : `(?<![^\\s,(){}\\[\\]|:])${literal(text)}(?![^\\s,(){}\\[\\]|:.])`;
    const found = value.match(new RegExp(pattern, tag ? "i" : ""));
    return found && [found.index, found.index + found[0].length];
  };

  const has = (selector, text) => {
    const box = redraw.find(selector);
    return Boolean(box && findText(box.value, text));
  };

  const without = (value, text, more, separator) => {
    let [from, to] = findText(value, text);
    const gap = value.slice(to).match(/^[\s,]*/)[0].length;
    if (more && value.startsWith(more, to + gap)) to += gap + more.length;
    const before = value.slice(0, from);
    if (separator && before.endsWith(separator)) from -= separator.length;
    else if (from === 0) to += value.slice(to).match(/^[\s,]*/)[0].length;
    return [from, to];
  };

  const putIn = (selector, text, separator) => {
    const box = redraw.find(selector);
    const end = box.value.length;
    redraw.typeInto(box, end, end, (end ? separator : "") + text);
  };

  const takeOut = (selector, text, more, separator) => {
    const box = redraw.find(selector);
    if (box && findText(box.value, text))
      redraw.typeInto(box, ...without(box.value, text, more, separator), "");
  };

  const toggle = ({ text, more, negative, separator }) => {
    const selector = text.startsWith("<") ? POSITIVE : lastPrompt;
    if (has(selector, text)) {
      takeOut(selector, text, more, separator);
      if (negative) takeOut(NEGATIVE, negative, "", separator);
      return;
    }
    putIn(selector, [text, more].filter(Boolean).join(" "), separator);
    if (negative && !has(NEGATIVE, negative)) putIn(NEGATIVE, negative, separator);
  };

  redraw.insertion = {
    toggle,
    isIn: (text) => has(POSITIVE, text) || has(NEGATIVE, text),
  };
})();
