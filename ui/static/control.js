// The ControlNet accordion: what is seen of each unit, what its menus list, how its sliders are
// labelled. All of it follows from the units' values and the table that the server sends.
//
// Gradio draws a tab's content when it is first opened, and forgets what was hidden before that; so
// what is hidden stands in a style sheet of its own, which holds for elements to come as well.
(() => {
  const NAMES = [
    "enabled", "type", "preprocessor", "pixelPerfect", "allowPreview", "regionOn", "independent",
    "inputTab", "weightType", "weight", "composition", "layerWeights",
  ]; // as ui/control_wiring.py has them
  const ADAPTERS = ["IP-Adapter", "Instant-ID"]; // control types
  const BATCH = 1; // of the hidden field `input_tab`
  const BATCH_SOURCE = 5; // of the tabs on which a job begins
  const PRESET = -1;
  const ALL = "All";
  const PATIENCE = 10_000; // milliseconds that a unit takes at most to be drawn

  const units = []; // by number: the values called NAMES
  const sheet = document.createElement("style");
  let table = { types: {}, preprocessors: {}, palette: [], weights: {} };
  let known = ""; // the text of it

  const read = (text) => {
    if (text && text !== known) [known, table] = [text, JSON.parse(text)];
    return table;
  };

  const prefix = (index) =>
    `img2img_controlnet_ControlNet${units.length === 1 ? "" : `-${index}`}_`;
  const element = (index, name) => redraw.find(`#${prefix(index)}${name}`);
  const canvasId = (index) => `${prefix(index)}input_image`;

  // The number of the unit that an element is part of, or that an element id names; null for none.
  const unitOf = (what) => {
    const id = typeof what === "string" ? what : what.closest?.(".cnet-unit")?.id;
    const found = id?.match(/^img2img_controlnet_ControlNet(?:-(\d+))?_/);
    return found ? Number(found[1] ?? 0) : null;
  };

  // The numbers of the units that look at the picture of the tab in front.
  const withoutOwnPicture = () => [...units.keys()].filter((index) => !units[index].independent);

  // ---- what is seen

  // Classes, each with whether it is hidden within a unit.
  const hidden = (unit) => {
    const about = table.preprocessors[unit.preprocessor] ?? {};
    return {
      "cnet-input-image-group": !unit.independent,
      "cnet-generated-image-group": !unit.allowPreview,
      "cnet-mask-image-group": !unit.regionOn,
      "cnet-resize-mode": !unit.independent,
      "cnet-model": about.model === false,
      "cnet-control-mode": about.mode === false,
      "cnet-resolution": !about.resolution || unit.pixelPerfect,
      "cnet-a": !about.a,
      "cnet-b": !about.b,
      "cnet-licence": !about.licence,
      "cnet-adapter": !ADAPTERS.includes(unit.type),
      "cnet-composition": !unit.weightType.endsWith("style and composition"),
      "cnet-edit-pose": !isPose(unit),
    };
  };

  const isOnBatch = ({ independent, inputTab }) => independent && inputTab === BATCH;
  const isPose = ({ type, preprocessor }) => type === "OpenPose" || preprocessor.includes("openpose");

  const rulesOf = (unit, index) => {
    const root = `:root:root #${prefix(index)}unit`;
    const tab = `:root:root #img2img_controlnet_unit_${index}-button`;
    const rules = Object.entries(hidden(unit))
      .filter(([, isHidden]) => isHidden)
      .map(([name]) => `${root} .${name} { display: none !important; }`);
    if (!unit.independent && !unit.allowPreview && !unit.regionOn)
      rules.push(`${root} .cnet-image-row { display: none; }`);
    // Also where every unit follows the files of img2img's own tab Batch.
    if (!unit.independent && !units.some(isOnBatch))
      rules.push(`:root:root body:not([data-mode="${BATCH_SOURCE}"]) #${prefix(index)}unit
        .cnet-loopback { display: none !important; }`);
    const { licence } = table.preprocessors[unit.preprocessor] ?? {};
    if (licence)
      rules.push(`${root} .cnet-licence p::after { content: ${JSON.stringify(licence)}; }`);
    if (ADAPTERS.includes(unit.type)) {
      const { picture, about } = redraw.plotWeights(unit, table.weights[unit.weightType] ?? []);
      rules.push(`${root} .cnet-plot-bars { mask-image: url("${picture}"); }`);
      rules.push(`${root} .cnet-plot > :first-child::after { content: " (${about})"; }`);
    }
    if (unit.enabled) rules.push(`${tab} { color: var(--color-accent); font-weight: 600; }`);
    if (unit.type !== ALL) rules.push(`${tab}::after { content: "\\a0[${unit.type}]"; }`);
    return rules;
  };

  const draw = () => {
    const rules = units.flatMap(rulesOf);
    const count = units.filter(({ enabled }) => enabled).length;
    if (count) {
      const text = `${count} ${count === 1 ? "unit" : "units"}`;
      rules.push(`:root:root #controlnet > .label-wrap > span:first-child::after {
        content: "${text}"; }`);
    }
    if (table.types[ALL]?.models.length !== 1) // "None" is always there
      rules.push(":root:root #controlnet_no_models { display: none; }");
    const text = rules.join("\n");
    if (text !== sheet.textContent) sheet.textContent = text; // for a slider moves many times
    if (!sheet.isConnected) document.head.append(sheet);
    document.body.dataset.controlUnits = count;
  };

  const note = (index, values) => {
    units[index] = Object.fromEntries(NAMES.map((name, place) => [name, values[place]]));
    const { palette } = table;
    redraw.canvas.setPalette(canvasId(index), units[index].type === "Segmentation" ? palette : null);
  };

  // After a change of one unit's values.
  const show = (index, values) => {
    if (!units.length) return; // not begun
    note(index, values);
    draw();
  };

  // Once the form is restored: the table, then the values of all units, one after the other.
  const begin = ([text, ...values]) => {
    read(text);
    const count = values.length / NAMES.length;
    units.length = count; // element ids depend on it
    for (let index = 0; index < count; index += 1)
      note(index, values.slice(index * NAMES.length, (index + 1) * NAMES.length));
    draw();
    openInputs();
  };

  const showArea = (area) => {
    document.body.dataset.inpaintArea = area;
  };

  // ---- what the menus list; each answer is what Gradio's components become

  const update = (properties) => ({ __type__: "update", ...properties });
  const pairs = (labels) => labels.map((label) => [label, label]);

  // What the three sliders become for a preprocessor; with its defaults, or with their values kept.
  const sliders = (label, withValues) => {
    const about = table.preprocessors[label] ?? {};
    return ["resolution", "a", "b"].map((name) => {
      if (!about[name]) return update(withValues ? { value: PRESET } : {});
      const [title, minimum, maximum, step, value] = about[name];
      return update({ label: title, minimum, maximum, step, ...(withValues ? { value } : {}) });
    });
  };

  const chooseType = (text, type) => {
    const { preprocessors, preprocessor, models, model } = read(text).types[type];
    return [
      update({ choices: pairs(preprocessors), value: preprocessor }),
      update({ choices: pairs(models), value: model }),
      ...sliders(preprocessor, true),
    ];
  };

  const choosePreprocessor = (text, preprocessor) => {
    read(text);
    return sliders(preprocessor, true);
  };

  const dress = (text, type, preprocessor) => {
    const { types } = read(text);
    const { preprocessors, models } = types[type] ?? types[ALL];
    return [
      update({ choices: pairs(preprocessors) }),
      update({ choices: pairs(models) }),
      ...sliders(preprocessor, false),
    ];
  };

  // The models of all units, after the table has changed: one that is no longer listed gives way to
  // what its type chooses, or to none. `all` = the table, then every type, then every model.
  const refilter = (toDefault, [text, ...all]) => {
    const { types } = read(text);
    draw();
    const count = all.length / 2;
    return all.slice(count).map((model, index) => {
      const listed = types[all[index]] ?? types[ALL];
      if (listed.models.includes(model)) return update({});
      return update({ value: toDefault ? listed.model : listed.models[0] });
    });
  };

  // ---- tabs of one unit

  const openInput = (index, tab) => {
    const button = element(index, "input_tabs")?.querySelectorAll("[role=tab]")[tab];
    if (button && button.ariaSelected !== "true") button.click();
    return Boolean(button);
  };

  // Bring each unit's tab to the front as it is remembered, once that is drawn.
  const openInputs = async () => {
    let waiting = units.map(({ inputTab }, index) => [index, inputTab]).filter(([, tab]) => tab > 0);
    const end = performance.now() + PATIENCE;
    while (waiting.length && performance.now() < end) {
      await new Promise(requestAnimationFrame);
      waiting = waiting.filter(([index, tab]) => !openInput(index, tab));
    }
  };
  document.addEventListener("click", (event) => {
    const opening = "#controlnet > .label-wrap, #img2img_controlnet_tabs > .tab-wrapper";
    if (event.target.closest?.(opening)) openInputs();
  });

  // What buttons with an icon do, where the mouse rests on them.
  document.addEventListener("pointerover", (event) => {
    const button = event.target.closest?.("button.icon");
    if (button && !button.title) button.title = button.textContent.trim();
  });

  redraw.control = {
    begin, show, showArea, chooseType, choosePreprocessor, dress, refilter, openInput,
    unitOf, element, canvasId, withoutOwnPicture,
  };
})();
