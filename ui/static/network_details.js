// What is known of one network, in a window over the page: notes, facts and tags of its training.
(() => {
  const { make } = redraw;

  const section = (title, ...children) =>
    children.length ? [make("h4", { textContent: title }), ...children] : [];

  const paragraph = (text) =>
    text ? [make("p", { textContent: text, dir: "auto" })] : [];

  const size = (bytes) =>
    bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`;

  const factsOf = (told) => {
    const date = new Date(told.modified * 1000);
    const facts = [
      ["File", [told.folder, told.file].filter(Boolean).join("/")],
      ...(told.bytes ? [["Size", size(told.bytes)]] : []),
      ...(told.modified ? [["Changed", date.toLocaleString()]] : []),
      ...(told.base ? [["For", told.base]] : []),
      ...(told.activation ? [["Activation text", told.activation]] : []),
      ...(told.negative ? [["Negative text", told.negative]] : []),
      ...(told.weight ? [["Preferred weight", String(told.weight)]] : []),
      ...told.facts,
    ];
    const list = make("dl");
    for (const [label, value] of facts)
      list.append(
        make("dt", { textContent: label }),
        make("dd", { textContent: value, dir: "auto" }),
      );
    return list;
  };

  const tagsOf = (told) =>
    told.tags.map(([tag, count]) => {
      const button = make("button", { type: "button", title: "Put into the prompt" });
      button.append(make("span", { textContent: tag, dir: "auto" }), ` ${count}`);
      button.onclick = () => {
        const text = tag.replace(/[()[\]\\]/g, "\\$&");
        redraw.insertion.toggle({ text, more: "", negative: "", separator: ", " });
        button.ariaPressed = String(redraw.insertion.isIn(text));
      };
      return button;
    });

  redraw.showNetwork = async (page, key) => {
    const told = await redraw
      .get(`internal/networks/${page}/details?${redraw.query({ key })}`)
      .catch(() => null);
    if (!told) return;
    redraw.find("#extra_network_details")?.remove();
    const close = make("button", { type: "button", textContent: "✕", ariaLabel: "Close" });
    const head = make("header", {}, make("h3", { textContent: told.name, dir: "auto" }), close);
    const body = make("div", { className: "details-body" });
    if (told.preview) body.append(redraw.networkPicture(page, told));
    const texts = make("div", { className: "details-texts" });
    texts.append(
      ...(told.warning
        ? [make("p", { className: "card-warning", textContent: `⚠ ${told.warning}` })]
        : []),
      ...paragraph(told.description),
      factsOf(told),
      ...section("Notes", ...paragraph(told.notes)),
      ...section(
        "Tags of the training",
        ...(told.tags.length ? [make("div", { className: "details-tags" }, ...tagsOf(told))] : []),
      ),
    );
    body.append(texts);
    const dialog = make("dialog", { id: "extra_network_details" }, head, body);
    dialog.ariaLabel = `Details of ${told.name}`;
    close.onclick = () => dialog.close();
    dialog.onclose = () => dialog.remove();
    dialog.onclick = (event) => event.target === dialog && dialog.close();
    // Inside Gradio's own element, whose rules colour what is in it.
    (redraw.find(".gradio-container") ?? document.body).append(dialog);
    dialog.showModal();
  };

  // Escape closes the window, and does not interrupt the job behind it.
  window.addEventListener(
    "keydown",
    (event) => {
      const dialog = redraw.find("#extra_network_details[open]");
      if (!dialog || event.key !== "Escape") return;
      event.preventDefault();
      event.stopImmediatePropagation();
      dialog.close();
    },
    true,
  );
})();
