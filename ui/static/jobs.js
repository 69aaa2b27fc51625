// Follows this user's jobs by polling: progress, preview, Interrupt and Skip, and showing what
// came out. Jobs belong to the user and not to the tab, so a reload or a second tab finds them.
(() => {
  const WAIT_AFTER_ERROR = 2000; // milliseconds
  const ONE_COLUMN = 760; // pixels; below, results stand under the form, as in style.css
  const HISTORY = 12; // finished jobs that can be looked at again

  let known = null; // ids of ended jobs whose result was shown, or is older than this page
  let current = null; // the job whose progress is drawn
  let waiting = []; // ids in the queue behind it
  let toShow = []; // ids of ended jobs, oldest first
  let showing = null;
  let timer = null;
  let restart = false; // Generate again once the current job has ended
  let forever = false;
  let preview = "";

  const active = (job) => job.state === "queued" || job.state === "running";

  const refresh = async () => {
    clearTimeout(timer);
    let jobs;
    try {
      jobs = (await redraw.get("internal/jobs")).reverse();
    } catch {
      timer = setTimeout(refresh, WAIT_AFTER_ERROR);
      return;
    }
    const ended = jobs.filter((job) => !active(job));
    if (known === null) {
      known = new Set(ended.map((job) => job.id));
      const last = ended.filter((job) => job.state === "done").at(-1);
      if (last) toShow.push(last.id);
    }
    for (const job of ended)
      if (!known.has(job.id)) {
        known.add(job.id);
        toShow.push(job.id);
      }
    const unended = jobs.filter(active);
    const before = current;
    current = (unended.find((job) => job.state === "running") ?? unended[0])?.id ?? null;
    waiting = unended.map((job) => job.id).filter((id) => id !== current);
    if (current !== before) delete document.body.dataset.interrupting;
    document.body.dataset.job = current ? "running" : "idle";
    drawHistory(ended.filter((job) => job.state === "done"));
    if (before && before !== current) jobEnded();
    if (current) tick();
    else drawIdle();
    showNext();
  };

  const tick = async () => {
    clearTimeout(timer);
    try {
      const progress = await redraw.get(`internal/progress?job=${encodeURIComponent(current)}`);
      if (!active(progress)) return refresh();
      drawProgress(progress);
      timer = setTimeout(tick, redraw.options().refreshPeriod ?? 400);
    } catch {
      setText("The server does not answer; trying again…");
      timer = setTimeout(refresh, WAIT_AFTER_ERROR);
    }
  };

  const jobEnded = () => {
    if (restart) {
      restart = false;
      redraw.press("img2img_generate");
    }
  };

  const seconds = (value) => {
    if (value < 60) return `${Math.round(value)}s`;
    return `${Math.floor(value / 60)}m ${Math.round(value % 60)}s`;
  };

  const setText = (text) => {
    const element = redraw.find("#img2img_progress .progress-text");
    if (element) element.textContent = text;
  };

  const drawProgress = (progress) => {
    const percent = Math.round(progress.progress * 100);
    const eta = progress.eta_seconds == null ? "" : `ETA: ${seconds(progress.eta_seconds)}`;
    const step = progress.step ? `step ${progress.step}/${progress.steps}` : "";
    const running = progress.state === "running";
    const figures = running && progress.batch ? `${percent}%` : "";
    const parts = [[figures, eta].filter(Boolean).join(" "), step, progress.text];
    setText(parts.filter(Boolean).join(" · "));
    redraw.find("#img2img_progress .progress-bar").style.width = `${percent}%`;
    document.title = figures ? `[${[figures, eta].filter(Boolean).join(" ")}] Redraw` : "Redraw";
    drawWaiting();
    drawPreview(running ? progress.preview : 0);
  };

  const drawIdle = () => {
    setText("");
    redraw.find("#img2img_progress .progress-bar").style.width = "0";
    document.title = "Redraw";
    drawWaiting();
  };

  const drawWaiting = () => {
    const button = redraw.find("#img2img_progress .waiting");
    button.textContent = waiting.length ? `${waiting.length} waiting ✕` : "";
    button.hidden = !waiting.length;
  };

  const drawPreview = (number) => {
    const wanted = number ? redraw.url(`internal/preview/${current}/${number}`) : "";
    if (wanted === preview) return;
    preview = wanted;
    if (!wanted) return hidePreview();
    const loaded = new Image();
    loaded.onload = () => {
      if (preview !== wanted) return;
      redraw.find("#img2img_progress .live-preview img").src = wanted;
      redraw.find("#img2img_progress .live-preview").classList.add("shown");
    };
    loaded.src = wanted;
  };

  const hidePreview = () => {
    preview = "";
    redraw.find("#img2img_progress .live-preview")?.classList.remove("shown");
  };

  const drawHistory = (done) => {
    const row = redraw.find("#img2img_history .history");
    if (!row) return;
    const first = Math.max(0, done.length - HISTORY);
    row.replaceChildren(
      ...(done.length < 2 ? [] : done.slice(first)).map((job, index) => {
        const button = document.createElement("button");
        button.dataset.job = job.id;
        button.textContent = first + index + 1;
        button.title = `Show result ${first + index + 1} again`;
        return button;
      }),
    );
    markShown();
  };

  const markShown = () => {
    const shown = redraw.find("#img2img_job textarea, #img2img_job input")?.value;
    for (const button of document.querySelectorAll("#img2img_history button"))
      button.classList.toggle("shown", button.dataset.job === shown);
  };

  // One result after the other: the button's own event asks `nextToShow` which.
  const showNext = () => {
    if (showing !== null || !toShow.length) return;
    redraw.press("img2img_show");
  };

  const shown = () => {
    showing = null;
    if (!current) hidePreview();
    requestAnimationFrame(markShown);
    showNext();
  };

  const control = async (action) => {
    if (!current) return;
    const job = current;
    try {
      await redraw.post(`internal/jobs/${job}/${action}`);
    } catch {
      refresh(); // it has ended in the meantime
    }
  };

  const interrupt = () => {
    if (!current) return;
    document.body.dataset.interrupting = "true";
    control("interrupt");
  };

  redraw.jobs = {
    refresh,
    shown,
    interrupt,
    skip: () => control("skip"),
    running: () => current !== null,
    nextToShow: () => {
      showing = toShow.shift() ?? "";
      return showing;
    },
    restart: () => {
      restart = true;
      interrupt();
    },
    setForever: (on) => {
      forever = on;
    },
  };

  // "Generate forever" presses again whenever nothing runs, until something goes wrong.
  setInterval(() => {
    if (!forever || current) return;
    if (redraw.find("#html_log_img2img .error")) forever = false;
    else redraw.press("img2img_generate");
  }, 500);

  document.addEventListener("click", (event) => {
    const target = event.target.closest("button");
    if (!target) return;
    if (target.id === "img2img_interrupt" || target.id === "img2img_interrupting") interrupt();
    if (target.id === "img2img_skip") redraw.jobs.skip();
    if (target.id === "img2img_generate" && event.isTrusted && innerWidth <= ONE_COLUMN)
      redraw.find("#img2img_results")?.scrollIntoView({ block: "start", behavior: "smooth" });
    if (target.matches("#img2img_history button")) {
      toShow.push(target.dataset.job);
      showNext();
    }
    if (target.matches("#img2img_progress .waiting"))
      Promise.allSettled(
        waiting.map((id) => redraw.post(`internal/jobs/${id}/cancel`)),
      ).then(refresh);
  });

  document.addEventListener("redraw:ready", refresh);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && known !== null && !current) refresh();
  });
})();
