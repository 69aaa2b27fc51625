// Names to complete while a prompt is typed: LoRAs after "<", wildcards after "__", embeddings as
// words. Tab takes one, and Enter once there is no doubt that one is wanted.
(() => {
  const MOST = 40;
  const MARGIN = 8; // pixels from the window's edges

  let shown = null; // the list and what it would replace

  // What is being typed at the caret: where it began, what kind of name it is.
  const KINDS = [
    {
      pattern: /<(?:(?:lora|lyco):)?([^<>:\s][^<>:\n]*)?$/i,
      positive: true,
      eager: true,
      names: (known) => known.loras,
      write: (name, { multiplier }, rest) => {
        const tag = rest.match(/^([^<>:\n]*)(:[^<>\n]*)?>/);
        return tag
          ? [`<lora:${name}${tag[2] ?? `:${multiplier}`}>`, tag[0].length]
          : [`<lora:${name}:${multiplier}>`, 0];
      },
    },
    {
      pattern: /__([^\s,()[\]<>]*)$/,
      eager: true,
      names: (known) => known.wildcards.map((name) => [name, ""]),
      write: (name, _, rest) => [`__${name}__`, rest.match(/^[^\s,()[\]<>]*__/)?.[0].length ?? 0],
    },
    {
      pattern: /([^\s,()[\]{}|:<>\\]{2,})$/,
      eager: false,
      names: (known) => known.embeddings.map((name) => [name, ""]),
      write: (name) => [name, 0],
      prefix: true,
    },
  ];

  const matching = (pairs, typed, prefix) => {
    const wanted = typed.toLowerCase();
    const begins = [];
    const holds = [];
    for (const pair of pairs) {
      const place = Math.min(
        ...pair.map((name) => (name ? name.toLowerCase().indexOf(wanted) >>> 0 : 2 ** 32)),
      );
      if (place === 0) begins.push(pair);
      else if (!prefix && place < 2 ** 31) holds.push(pair);
      if (begins.length >= MOST) break;
    }
    return [...begins, ...holds].slice(0, MOST);
  };

  const wantedAt = (box, known) => {
    if (box.selectionStart !== box.selectionEnd) return null;
    const before = box.value.slice(0, box.selectionStart).slice(-300);
    const isPositive = Boolean(box.closest("#img2img_prompt"));
    for (const kind of KINDS) {
      const typed = before.match(kind.pattern);
      if (!typed || (kind.positive && !isPositive)) continue;
      const found = matching(kind.names(known), typed[1] ?? "", kind.prefix);
      const isComplete = found.length === 1 && found[0][0] === typed[1];
      if (found.length && !isComplete)
        return { kind, found, from: box.selectionStart - typed[0].length };
      if (kind.eager) return null;
    }
    return null;
  };

  const close = () => {
    shown?.box.removeAttribute("aria-activedescendant");
    shown?.box.removeAttribute("aria-controls");
    shown?.list.remove();
    shown = null;
  };

  const point = (index) => {
    const options = [...shown.list.children];
    shown.index = (index + options.length) % options.length;
    for (const [place, option] of options.entries())
      option.ariaSelected = String(place === shown.index);
    options[shown.index].scrollIntoView({ block: "nearest" });
    shown.box.setAttribute("aria-activedescendant", options[shown.index].id);
  };

  const take = (index) => {
    const { box, kind, found, from, known } = shown;
    const caret = box.selectionStart;
    const [text, further] = kind.write(found[index][0], known, box.value.slice(caret));
    close();
    taken = true;
    redraw.replaceText(box, from, caret + further, text, from + text.length, from + text.length);
  };
  let taken = false; // what was just written is not completed again

  const drawOption = ([name, other], index) => {
    const option = document.createElement("div");
    option.id = `prompt_completion_${index}`;
    option.role = "option";
    const label = Object.assign(document.createElement("span"), { textContent: name, dir: "auto" });
    option.append(label);
    if (other) {
      const small = Object.assign(document.createElement("small"), { textContent: other });
      option.append(small);
    }
    option.onclick = () => take(index);
    return option;
  };

  const open = (box, known, { kind, found, from }) => {
    close();
    const list = document.createElement("div");
    list.id = "prompt_completion";
    list.role = "listbox";
    list.ariaLabel = "Names to complete";
    list.append(...found.map(drawOption));
    // The box keeps the focus, so that typing goes on.
    for (const happened of ["mousedown", "pointerdown"])
      list.addEventListener(happened, (event) => event.preventDefault());
    const { left, bottom, height } = redraw.placeOfCharacter(box, from);
    (redraw.find(".gradio-container") ?? document.body).append(list);
    const { width, height: tall } = list.getBoundingClientRect();
    const isRoom = bottom + tall + MARGIN <= innerHeight || bottom - height < tall;
    list.style.left = `${Math.max(MARGIN, Math.min(left, innerWidth - width - MARGIN))}px`;
    list.style.top = `${isRoom ? bottom + 2 : bottom - height - tall - 2}px`;
    shown = { box, kind, found, from, known, list, index: -1, moved: false };
    box.setAttribute("aria-controls", list.id);
    point(0);
  };

  const look = async (box) => {
    if (taken) {
      taken = false;
      return close();
    }
    const known = redraw.networkNames.known() ?? (await redraw.networkNames.get());
    const wanted = document.activeElement === box ? wantedAt(box, known) : null;
    if (wanted) open(box, known, wanted);
    else close();
    return undefined;
  };

  document.addEventListener("input", (event) => {
    const box = event.target;
    if (redraw.isPrompt(box) && !event.isComposing) requestAnimationFrame(() => look(box));
  });

  const press = (event) => {
    const { key } = event;
    if (key === "ArrowDown" || key === "ArrowUp") {
      shown.moved = true;
      point(shown.index + (key === "ArrowDown" ? 1 : -1));
    } else if (key === "Escape") close();
    else if (key === "Tab" || (key === "Enter" && (shown.kind.eager || shown.moved)))
      take(shown.index);
    else return false;
    return true;
  };

  // Before all other keys of the page: Escape would interrupt a job, and Tab leave the box.
  window.addEventListener(
    "keydown",
    (event) => {
      const modified = event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
      if (!shown || event.target !== shown.box || event.isComposing || modified) return;
      if (press(event)) {
        event.preventDefault();
        event.stopImmediatePropagation();
      } else if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) close();
    },
    true,
  );
  document.addEventListener("focusout", (event) => event.target === shown?.box && close());
  for (const happened of ["scroll", "resize"])
    window.addEventListener(
      happened,
      (event) => {
        if (shown && !shown.list.contains(event.target)) close();
      },
      true,
    );
  document.addEventListener("pointerdown", (event) => {
    if (shown && !shown.list.contains(event.target)) close();
  });
})();
