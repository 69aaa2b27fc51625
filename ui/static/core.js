// What the other scripts share: finding elements, setting values as a user would, talking to the
// server. Svelte re-creates elements at will, so nothing keeps one: look it up when it is needed,
// and listen on the document.
(() => {
  redraw.find = (selector) => document.querySelector(selector);

  redraw.visible = (element) => Boolean(element && element.offsetParent);

  // An element with these properties and children; texts are never read as HTML.
  redraw.make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  redraw.query = (values) => new URLSearchParams(values).toString();

  redraw.press = (id) => redraw.find(`#${id}`)?.click();

  redraw.numberBox = (id) => redraw.find(`#${id} input[type=number]`);

  redraw.setValue = (element, value) => {
    element.value = value;
    element.dispatchEvent(new Event("input", { bubbles: true }));
    element.dispatchEvent(new Event("change", { bubbles: true }));
  };

  redraw.options = () => JSON.parse(redraw.find("[data-options]")?.dataset.options ?? "{}");

  redraw.openTab = (name) => {
    for (const tab of document.querySelectorAll("#tabs > .tab-wrapper [role=tab]"))
      if (tab.textContent.trim() === name) tab.click();
  };

  const root = () => `${(window.gradio_config?.root ?? location.origin).replace(/\/$/, "")}/`;

  redraw.url = (path) => {
    const url = new URL(path, new URL(root(), location.href));
    return `${url.pathname}${url.search}`;
  };

  const send = async (path, init) => {
    const response = await fetch(redraw.url(path), { cache: "no-store", ...init });
    if (response.status === 401) location.reload();
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response.json();
  };
  redraw.get = (path) => send(path, {});
  redraw.post = (path) => send(path, { method: "POST" });

  // The form's values by name; of a picture, where the server keeps it.
  const kept = (value) => value?.path ?? value ?? null;
  redraw.form = (names, values) =>
    Object.fromEntries(names.map((name, index) => [name, kept(values[index])]));

  // What the browser remembers of the form. Before the first restore there is nothing to add.
  let restored = false;
  redraw.remember = (names, stored, values) => {
    if (!restored) return [stored];
    const form = redraw.form(names, values);
    redraw.example.formChanged(form);
    return [form];
  };

  redraw.restored = () => {
    restored = true;
    document.body.dataset.ready = "true";
    document.dispatchEvent(new Event("redraw:ready"));
  };

  redraw.comparing = () => redraw.visible(redraw.find("#img2img_compare"));
})();
