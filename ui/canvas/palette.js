// A palette of named colours: what a segmentation map is painted with. It is searched by name, and
// lies over the view like the other popovers.
(() => {
  class Palette {
    // Of `canvas`, drawn into its view element.
    constructor(canvas, view) {
      this.canvas = canvas;
      this.element = document.createElement("div");
      this.element.className = "canvas-popover canvas-palette";
      this.element.role = "dialog";
      this.element.ariaLabel = "Named colours";
      this.element.hidden = true;
      this.element.innerHTML = `
        <input type="search" placeholder="Search by name" aria-label="Search by name"
          autocomplete="off" spellcheck="false">
        <div class="canvas-palette-list"></div>`;
      [this.search, this.list] = this.element.children;
      view.append(this.element);
      this.search.addEventListener("input", () => this.filter());
      this.search.addEventListener("keydown", (event) => {
        if (event.key === "Escape") this.close();
        if (event.key !== "Enter") return;
        event.preventDefault();
        this.list.querySelector("button:not([hidden])")?.click();
      });
      this.list.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (button) this.take(button.dataset.color);
      });
    }

    // `colors` = [[name, "#rrggbb"]], or null for none.
    fill(colors) {
      this.list.replaceChildren(
        ...(colors ?? []).map(([name, color]) => {
          const button = document.createElement("button");
          Object.assign(button, { type: "button", title: color });
          button.dataset.color = color;
          button.style.setProperty("--color", color);
          button.append(name);
          return button;
        }),
      );
      if (!colors) this.close();
    }

    // Only names with every typed word in them.
    filter() {
      const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const button of this.list.children)
        button.hidden = !words.every((word) => button.textContent.toLowerCase().includes(word));
    }

    take(color) {
      const { canvas } = this;
      if (!["brush", "bucket", "rectangle", "ellipse", "lasso"].includes(canvas.tool))
        canvas.choose("brush");
      canvas.setColor(color);
      this.close();
    }

    get isOpen() {
      return !this.element.hidden;
    }

    toggle() {
      this.element.hidden = !this.element.hidden;
      if (!this.isOpen) return;
      this.search.value = "";
      this.filter();
      this.search.focus();
    }

    close() {
      this.element.hidden = true;
    }
  }

  redraw.paint.Palette = Palette;
})();
