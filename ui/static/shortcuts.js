// Keyboard shortcuts, the menu on Generate, and the styles popup.
(() => {
  const popup = () => redraw.find("#img2img_styles_dialog");
  const popupOpen = () => popup()?.classList.contains("open");

  const generate = () => {
    redraw.showGeneration();
    if (redraw.jobs.running()) redraw.jobs.restart();
    else redraw.press("img2img_generate");
  };

  const inPrompt = (event) => {
    const arrow = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (arrow && (event.ctrlKey || event.metaKey)) {
      redraw.editAttention(event.target, arrow);
      return true;
    }
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (move && event.altKey) {
      redraw.moveItems(event.target, move);
      return true;
    }
    return false;
  };

  const menuOpen = (element) => element.ariaExpanded === "true";

  const anywhere = (event) => {
    const ownEscape = menuOpen(event.target) || event.target.closest?.(".webcam");
    if (event.key === "Escape" && ownEscape) return false;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) generate();
    else if (event.key === "Enter" && event.altKey) redraw.jobs.skip();
    else if (event.key === "Escape" && redraw.find("#context-menu")) closeMenu();
    else if (event.key === "Escape" && popupOpen()) popup().classList.remove("open");
    else if (event.key === "Escape" && redraw.jobs.running()) redraw.jobs.interrupt();
    else return false;
    return true;
  };

  document.addEventListener(
    "keydown",
    (event) => {
      if ((redraw.isPrompt(event.target) && inPrompt(event)) || anywhere(event)) {
        event.preventDefault();
        event.stopPropagation();
      }
    },
    true,
  );

  const closeMenu = () => redraw.find("#context-menu")?.remove();

  const openMenu = (x, y) => {
    closeMenu();
    const menu = document.createElement("div");
    menu.id = "context-menu";
    menu.style.left = `${Math.min(x, innerWidth - 230)}px`;
    menu.style.top = `${y}px`;
    for (const [label, on] of [
      ["Generate forever", true],
      ["Cancel generate forever", false],
    ]) {
      const entry = document.createElement("button");
      entry.textContent = label;
      entry.onclick = () => {
        redraw.jobs.setForever(on);
        if (on && !redraw.jobs.running()) redraw.press("img2img_generate");
      };
      menu.append(entry);
    }
    document.body.append(menu);
  };

  document.addEventListener("contextmenu", (event) => {
    if (!event.target.closest?.("#img2img_generate_box")) return;
    event.preventDefault();
    openMenu(event.clientX, event.clientY);
  });

  document.addEventListener("click", (event) => {
    if (event.isTrusted) closeMenu(); // and not when a script presses Generate
    if (event.target.closest?.("#img2img_styles_edit_button")) popup()?.classList.add("open");
    if (event.target.closest?.("#img2img_styles_close") || event.target === popup())
      popup()?.classList.remove("open");
  });
})();
