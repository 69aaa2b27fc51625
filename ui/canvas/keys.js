// Keys, pasting and dropping: they go to the canvas that is meant.
(() => {
  const { TOOLS } = redraw.paint;
  const SIZE_STEP = 1.15;

  const isText = (element) =>
    element.isContentEditable ||
    element.matches?.("textarea, select, input:not([type=range], [type=color], [type=checkbox])");

  const ACTIONS = {
    "+": "plus",
    "=": "plus",
    "-": "minus",
    1: "actual",
    r: "fit",
    s: "full",
    x: "subtract",
    delete: "clear",
    backspace: "clear",
    "?": "help",
  };
  const GROW = { "[": 1 / SIZE_STEP, q: 1 / SIZE_STEP, "]": SIZE_STEP, w: SIZE_STEP };
  const HELD = [" ", "f"];

  const undoKey = (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return null;
    const key = event.key.toLowerCase();
    if (key === "y" || (key === "z" && event.shiftKey)) return "redo";
    return key === "z" ? "undo" : null;
  };

  const onKey = (canvas, event) => {
    const undo = undoKey(event);
    if (undo) return canvas.act(undo), true;
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const key = event.key.toLowerCase();
    const tool = TOOLS.find((one) => one.key === key && (!one.only || one.only === canvas.mode));
    if (HELD.includes(key)) canvas.hold(true);
    else if (key === "escape") return escape(canvas);
    else if (tool) canvas.choose(tool.name);
    else if (GROW[key]) canvas.growBrush(GROW[key]);
    else if (ACTIONS[key]) canvas.act(ACTIONS[key]);
    else return false;
    return true;
  };

  // Escape takes back what is open, one thing at a time.
  const escape = (canvas) => {
    if (canvas.popovers.isOpen) canvas.popovers.close();
    else if (canvas.pointer.gesture) canvas.pointer.cancel();
    else if (canvas.isFull) canvas.toggleFull();
    else return false;
    return true;
  };

  const pictureIn = (transfer) =>
    [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/"));

  // A picture dragged from this page, such as a result; not one from elsewhere.
  const draggedHere = async (transfer) => {
    const [address] = transfer.getData("text/uri-list").split(/\s/);
    if (!address) return null;
    const url = new URL(address, location.href);
    if (url.origin !== location.origin) return null;
    const blob = await (await fetch(url)).blob();
    const name = decodeURIComponent(url.pathname.split("/").at(-1));
    return blob.type.startsWith("image/") ? new File([blob], name, { type: blob.type }) : null;
  };

  // Listen for the canvases that `all()` gives.
  const listen = (all) => {
    const shown = () => all().filter((canvas) => canvas.root.offsetParent ?? canvas.isFull);
    const meant = () =>
      shown().find((canvas) => canvas.isFull) ??
      shown().find((canvas) => canvas.root.contains(document.activeElement)) ??
      shown().find((canvas) => canvas.root.matches(":hover"));
    const under = (event) => shown().find((canvas) => canvas.root.contains(event.target));

    // On the window, so that it comes before the page's own shortcuts.
    window.addEventListener(
      "keydown",
      (event) => {
        for (const canvas of all()) canvas.controlDown = event.ctrlKey;
        if (isText(event.target) || event.target.closest?.(".popup, .webcam")) return;
        // Undo works wherever the focus is, such as on Generate, while one canvas is in sight.
        const only = undoKey(event) && shown().length === 1 ? shown()[0] : null;
        const canvas = meant() ?? only;
        const pressing = event.target.closest?.("button") && [" ", "Enter"].includes(event.key);
        const sliding = event.target.matches?.("[type=range]") && /Arrow|Home|End/.test(event.key);
        if (!canvas || pressing || sliding || !onKey(canvas, event)) return;
        event.preventDefault();
        event.stopPropagation();
      },
      true,
    );
    window.addEventListener("keyup", (event) => {
      for (const canvas of all()) {
        canvas.controlDown = event.ctrlKey;
        if (HELD.includes(event.key.toLowerCase())) canvas.hold(false);
      }
    });
    window.addEventListener("blur", () => {
      for (const canvas of all()) canvas.hold(false);
    });

    document.addEventListener("paste", (event) => {
      const file = pictureIn(event.clipboardData);
      const canvas = meant() ?? shown().find(({ aside }) => !aside);
      if (!file || !canvas) return;
      event.preventDefault();
      canvas.open(file);
    });
    document.addEventListener("dragover", (event) => {
      const canvas = under(event);
      if (canvas) event.preventDefault();
      for (const one of all()) one.root.classList.toggle("canvas-drop", one === canvas);
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget)
        for (const canvas of all()) canvas.root.classList.remove("canvas-drop");
    });
    document.addEventListener(
      "drop",
      async (event) => {
        for (const one of all()) one.root.classList.remove("canvas-drop");
        const canvas = under(event);
        if (!canvas) return;
        event.preventDefault();
        event.stopPropagation();
        const file = event.dataTransfer.files[0] ?? (await draggedHere(event.dataTransfer));
        if (file) canvas.open(file);
      },
      true,
    );
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) for (const canvas of all()) canvas.save();
    });
    window.addEventListener("pagehide", () => {
      for (const canvas of all()) canvas.save();
    });
  };

  redraw.paint.listen = listen;
})();
