// Cards of extra networks: asked for page by page once their tab is opened, and put into the prompts
// by a click. All that is shown of a file is text; pictures are addressed by the card's key alone.
(() => {
  const CARDS = 60; // of one answer
  const SEARCH_AFTER = 200; // milliseconds without typing
  const FRAMES = 120; // that Gradio may take to draw a tab
  const ORDERS = ["Path", "Name", "Date Created", "Date Modified"];
  const EMPTY = {
    lora: "There are no LoRAs yet: put .safetensors files into models/Lora and press 🔄.",
    textual_inversion:
      "There are no embeddings yet: put .safetensors files into models/embeddings and press 🔄.",
    checkpoints: "There are no checkpoints yet: put one into models/Stable-diffusion and press 🔄.",
  };

  const pages = new Map(); // name of a page to what is shown of it

  const { make } = redraw;

  const previewOf = (page, card) =>
    redraw.url(
      `internal/networks/${page}/preview?${redraw.query({ key: card.key, version: card.preview })}`,
    );

  let wanted = null;
  redraw.wantedCheckpoint = () => wanted;

  const use = (insert) => {
    if (!insert) return;
    if (insert.checkpoint) {
      wanted = insert.checkpoint;
      redraw.press("change_checkpoint");
    } else {
      redraw.insertion.toggle(insert);
    }
    markUsed();
  };

  // Cards that are part of the prompts, or the checkpoint that is chosen, have a frame.
  const markUsed = () => {
    const chosen = redraw.find("#setting_sd_model_checkpoint input")?.value;
    for (const element of document.querySelectorAll(".extra-network-cards .card")) {
      const { insert } = element;
      const used = insert?.checkpoint
        ? insert.checkpoint === (wanted ?? chosen)
        : insert && redraw.insertion.isIn(insert.text);
      element.toggleAttribute("data-used", Boolean(used));
      element.querySelector(".card-use").ariaPressed = String(Boolean(used));
    }
  };
  let marking = null;
  redraw.markUsedSoon = () => {
    if (!redraw.visible(redraw.find(".extra-network-cards:not(:empty)"))) return;
    clearTimeout(marking);
    marking = setTimeout(markUsed, SEARCH_AFTER);
  };
  redraw.checkpointChanged = () => {
    wanted = null;
    redraw.markUsedSoon();
  };

  // One card.

  const letters = (name) => [...name.replace(/[^\p{L}\p{N}]+/gu, " ").trim()].slice(0, 2).join("");

  const drawPicture = (page, card) => {
    const blank = make("span", { className: "card-blank", textContent: letters(card.name) });
    if (!card.preview) return blank;
    const picture = make("img", { alt: "", loading: "lazy", decoding: "async" });
    picture.onerror = () => picture.replaceWith(blank);
    picture.src = previewOf(page, card);
    return picture;
  };

  redraw.networkPicture = drawPicture;

  const drawCard = (page, card) => {
    const label = make("span", { className: "card-label" });
    label.append(make("span", { className: "name", textContent: card.name, dir: "auto" }));
    if (card.short)
      label.append(make("span", { className: "description", textContent: card.short, dir: "auto" }));
    const main = make("button", { type: "button", className: "card-use", title: card.name });
    main.append(drawPicture(page, card), label);
    main.setAttribute("aria-disabled", String(!card.insert));
    const badges = make("span", { className: "card-badges" });
    if (card.base) badges.append(make("span", { className: "card-base", textContent: card.base }));
    if (card.warning)
      badges.append(
        make("span", { className: "card-warning", textContent: "⚠", title: card.warning }),
      );
    const info = make("button", {
      type: "button",
      className: "metadata-button",
      textContent: "ℹ",
      title: "Show details",
      ariaLabel: `Details of ${card.name}`,
    });
    const element = make("div", { className: "card", insert: card.insert }, main, badges, info);
    element.dataset.key = card.key;
    element.toggleAttribute("data-refused", !card.insert);
    main.onclick = () => (card.insert ? use(card.insert) : redraw.showNetwork(page, card.key));
    info.onclick = () => redraw.showNetwork(page, card.key);
    return element;
  };

  // A page of cards: what it is made of, and what of it was asked for.

  class Page {
    constructor(name, place) {
      const { cardOrder, cardsDescending } = redraw.options();
      this.name = name;
      this.wanted = { search: "", folder: "", order: cardOrder ?? "Path" };
      this.descending = cardsDescending ?? false;
      this.asked = 0; // answers to older questions are passed over
      this.draw(place);
      this.watch = new IntersectionObserver(([seen]) => seen.isIntersecting && this.more(), {
        rootMargin: "600px",
      });
      this.watch.observe(this.end);
      this.load();
    }

    get id() {
      return `img2img_${this.name}`;
    }

    draw(place) {
      const search = make("input", { type: "search", placeholder: "Search", ariaLabel: "Search" });
      search.id = `${this.id}_extra_search`;
      search.oninput = () => {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => this.change({ search: search.value }), SEARCH_AFTER);
      };
      const sort = make("select", { id: `${this.id}_extra_sort`, ariaLabel: "Sort by" });
      sort.append(...ORDERS.map((order) => new Option(order, order)));
      sort.value = this.wanted.order;
      sort.onchange = () => this.change({ order: sort.value });
      const direction = make("button", { type: "button", id: `${this.id}_extra_sort_dir` });
      const turn = () => {
        direction.textContent = this.descending ? "↓" : "↑";
        direction.title = this.descending ? "Sorted descending" : "Sorted ascending";
        direction.ariaLabel = direction.title;
      };
      turn();
      direction.onclick = () => {
        this.descending = !this.descending;
        turn();
        this.load();
      };
      const refresh = make("button", {
        type: "button",
        id: `${this.id}_extra_refresh`,
        textContent: "🔄",
        title: "Look for files again",
        ariaLabel: "Look for files again",
      });
      refresh.onclick = () => this.refresh(refresh);
      this.count = make("span", { className: "extra-network-count", role: "status" });
      this.folders = make("div", { className: "extra-network-dirs", id: `${this.id}_dirs` });
      this.cards = make("div", { className: "extra-network-cards", id: `${this.id}_cards` });
      this.end = make("div", { className: "extra-network-end" });
      const controls = make("div", { className: "extra-network-control" });
      controls.id = `${this.id}_controls`;
      controls.append(search, sort, direction, refresh, this.count);
      place.id = `${this.id}_pane`;
      place.replaceChildren(controls, this.folders, this.cards, this.end);
    }

    change(wanted) {
      Object.assign(this.wanted, wanted);
      this.load();
    }

    async ask(start) {
      const number = (this.asked += 1);
      const values = { ...this.wanted, descending: this.descending, start, count: CARDS };
      const answer = await redraw.get(`internal/networks/${this.name}/cards?${redraw.query(values)}`);
      return number === this.asked ? answer : null;
    }

    async load() {
      this.busy = true;
      try {
        const answer = await this.ask(0);
        if (!answer) return;
        this.cards.replaceChildren();
        this.show(answer);
      } catch {
        this.tell("The server does not answer.");
      }
      this.busy = false;
    }

    // What comes after the cards that are there, when somebody scrolls to their end.
    async more() {
      if (this.busy || this.cards.childElementCount >= (this.found ?? 0)) return;
      this.busy = true;
      const answer = await this.ask(this.cards.childElementCount).catch(() => null);
      this.busy = false;
      if (answer) this.show(answer);
    }

    show(answer) {
      this.found = answer.found;
      this.total = answer.total;
      this.cards.append(...answer.cards.map((card) => drawCard(this.name, card)));
      const all = answer.total.toLocaleString("en");
      const found = answer.found.toLocaleString("en");
      this.count.textContent = answer.found === answer.total ? all : `${found} of ${all}`;
      if (!answer.total) this.tell(EMPTY[this.name]);
      else if (!answer.found) this.tell("Nothing is called so.");
      this.showFolders(answer.folders);
      markUsed();
      // The end may still be in sight, of which no observer would tell again.
      this.watch.unobserve(this.end);
      this.watch.observe(this.end);
    }

    showFolders(folders) {
      const entries = folders.length ? [["", null], ...folders] : [];
      this.folders.replaceChildren(
        ...entries.map(([folder, count]) => {
          const button = make("button", { type: "button", textContent: folder || "all" });
          if (count !== null) button.title = `${count}`;
          button.ariaPressed = String(folder === this.wanted.folder);
          button.onclick = () => this.change({ folder });
          return button;
        }),
      );
    }

    tell(sentence) {
      this.cards.replaceChildren(make("p", { className: "nocards", textContent: sentence }));
      this.found = 0;
    }

    async refresh(button) {
      button.disabled = true;
      await redraw.post(`internal/networks/${this.name}/refresh`).catch(() => {});
      button.disabled = false;
      redraw.networkNames.forget();
      await this.load();
    }

    // Shown again: files may have come meanwhile, from the Models tab for one.
    async look() {
      const answer = await this.ask(0).catch(() => null);
      if (!answer || answer.total === this.total) return markUsed();
      this.cards.replaceChildren();
      this.show(answer);
    }
  }

  // Whoever presses Generate among the cards wants to see what comes of it; a click by the program,
  // as of Generate forever, leaves the cards where they are.
  redraw.showGeneration = () => {
    const tabs = [...document.querySelectorAll("#img2img_extra_tabs > .tab-wrapper [role=tab]")];
    const tab = tabs.find((one) => one.textContent.trim() === "Generation");
    if (tab && tab.ariaSelected !== "true") tab.click();
  };
  document.addEventListener("click", (event) => {
    if (event.isTrusted && event.target.closest?.("#img2img_generate")) redraw.showGeneration();
  });

  redraw.openExtraNetworks = (name, frames = FRAMES) => {
    const place = redraw.find(`#img2img_${name}_cards_html .extra-network-pane`);
    if (!place) {
      if (frames) requestAnimationFrame(() => redraw.openExtraNetworks(name, frames - 1));
    } else if (pages.get(name)?.cards.isConnected) {
      pages.get(name).look();
    } else {
      pages.set(name, new Page(name, place));
    }
  };
})();
