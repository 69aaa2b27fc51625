// The Models tab: choosing in its lists, following downloads, and telling the menus what came.
(() => {
  const PERIOD = 500; // milliseconds
  const REFRESH = {
    checkpoint: "#refresh_sd_model_checkpoint",
    VAE: "#refresh_sd_vae",
    ControlNet: ".cnet-refresh-models",
    LoRA: "#img2img_lora_extra_refresh",
    "textual inversion": "#img2img_textual_inversion_extra_refresh",
  };
  const USABLE = ["checkpoint", "VAE", "LoRA", "textual inversion"];
  const NOT_USED_HERE = { ControlNet: " Choose it in a ControlNet unit." };

  let opened = "";
  let used = "";

  redraw.models = {
    opened: () => [opened],
    used: () => used,
    // Which entry is chosen, as JSON for the handlers.
    choice: () => {
      const input = redraw.find("#models_files input:checked");
      const { repository, commit } = input?.closest(".models-entries").dataset ?? {};
      return JSON.stringify({ repository, commit, key: input?.value });
    },
    // Gradio may keep an input for another list, and what was clicked in the one before.
    listed: () => {
      for (const input of document.querySelectorAll("#models_files input"))
        input.checked = input.defaultChecked;
    },
    follow: () => follow(),
  };

  const path = (id, action) => `internal/models/downloads/${id}/${action}`;

  const ROW = `
    <div class="models-name"><b></b> <small></small></div>
    <div class="download-line">
      <progress class="download-progress" max="1" value="0"></progress>
      <span class="download-text" role="status"></span>
      <button type="button" data-action="use" class="download-start">Use this model</button>
      <button type="button" data-action="resume" class="download-start">Go on</button>
      <button type="button" data-action="cancel">Cancel</button>
      <button type="button" data-action="remove">Remove</button>
    </div>`;

  const rowOf = (list, id) => {
    let row = [...list.children].find((child) => child.dataset.id === id);
    if (!row) {
      row = document.createElement("div");
      row.className = "models-download";
      row.dataset.id = id;
      row.innerHTML = ROW;
    }
    return row;
  };

  const show = (row, { name, kind, repository, state, file, done, total, error }) => {
    const running = state === "running";
    const find = (selector) => row.querySelector(selector);
    const action = (which, wanted) => (find(`[data-action=${which}]`).hidden = !wanted);
    row.dataset.kind = kind;
    find("b").textContent = name;
    find("small").textContent = `${kind} from ${repository}`;
    const bar = find("progress");
    bar.hidden = !running;
    if (total) bar.value = done / total;
    const share = `${redraw.megabytes(done)} of ${redraw.megabytes(total)}`;
    const text = {
      running: total ? [share, file === name ? "" : file].filter(Boolean).join(" · ") : "Asking…",
      done: `Done.${NOT_USED_HERE[kind] ?? ""}`,
      cancelled: `Not whole yet: ${share}.`,
      failed: error,
    };
    find(".download-text").textContent = text[state];
    find(".download-text").classList.toggle("error", state === "failed");
    action("use", state === "done" && USABLE.includes(kind));
    action("resume", state === "cancelled" || state === "failed");
    action("cancel", running);
    action("remove", !running);
  };

  // What ran at the last look; when one of them is done, the menus of its kind look again.
  let running = new Set();
  const tell = ({ downloads, error }) => {
    const list = redraw.find("#models_list");
    if (list) {
      const rows = downloads.map((download) => {
        const row = rowOf(list, download.id);
        show(row, download);
        return row;
      });
      list.replaceChildren(...rows);
      if (error) list.prepend(refusal(error));
    }
    const finished = downloads.filter(({ id, state }) => state === "done" && running.has(id));
    running = new Set(downloads.filter(({ state }) => state === "running").map(({ id }) => id));
    for (const kind of new Set(finished.map((download) => download.kind)))
      redraw.find(REFRESH[kind])?.click();
    if (!finished.length) return;
    redraw.networkNames?.forget();
    redraw.press("models_refresh");
  };

  const refusal = (sentence) => {
    const line = document.createElement("p");
    line.className = "error";
    line.setAttribute("role", "alert");
    line.textContent = sentence;
    return line;
  };

  // Show `first`, and then look again for as long as something runs.
  let following = false;
  const follow = async (first = redraw.get("internal/models/downloads")) => {
    try {
      tell(await first);
    } catch {
      return; // the server is gone: the page says so elsewhere, and the next click looks again
    }
    if (following) return;
    following = true;
    try {
      while (running.size) {
        await new Promise((done) => setTimeout(done, PERIOD));
        tell(await redraw.get("internal/models/downloads"));
      }
    } catch {
      // As above.
    } finally {
      following = false;
    }
  };

  document.addEventListener("redraw:ready", () => follow());

  document.addEventListener("click", (event) => {
    const found = event.target.closest?.(".models-open");
    if (found) {
      opened = found.dataset.repository;
      redraw.press("models_open");
      return;
    }
    const button = event.target.closest?.(".models-download button");
    if (!button) return;
    const { id } = button.closest(".models-download").dataset;
    if (button.dataset.action === "use") {
      used = id;
      redraw.press("models_use");
    } else follow(redraw.post(path(id, button.dataset.action)));
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches?.("#models_files input")) redraw.press("models_pick");
  });
})();
