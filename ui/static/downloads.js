// Networks of preprocessors that are not there yet: fetched when a person presses Download, and not
// before. The offers come with refusals; a page that is loaded anew finds a download again when the
// same is asked for.
(() => {
  const PERIOD = 500; // milliseconds
  const MEGABYTE = 1e6;
  const GIGABYTE = 1e9;

  const megabytes = (bytes) =>
    bytes < GIGABYTE
      ? `${(bytes / MEGABYTE).toFixed(bytes < 10 * MEGABYTE ? 1 : 0)} MB`
      : `${(bytes / GIGABYTE).toFixed(2)} GB`;
  redraw.megabytes = megabytes;

  const show = (offer, { state, file, done, total, error }) => {
    const find = (name) => offer.querySelector(`.download-${name}`);
    const running = state === "running";
    find("start").hidden = running || state === "done";
    find("start").textContent = state === "cancelled" || state === "failed" ? "Go on" : "Download";
    find("cancel").hidden = find("progress").hidden = !running;
    find("progress").toggleAttribute("value", total > 0);
    if (total) find("progress").value = done / total;
    const share = total ? `${megabytes(done)} of ${megabytes(total)}` : "Asking for the size…";
    const text = {
      running: [share, file].filter(Boolean).join(" · "),
      done: "It is there now; press again.",
      cancelled: `Cancelled; ${megabytes(done)} are kept.`,
      failed: error,
      idle: "",
    };
    find("text").textContent = text[state];
    find("text").classList.toggle("error", state === "failed");
  };

  const path = (offer, action = "") =>
    `internal/downloads/${encodeURIComponent(offer.dataset.weights)}${action}`;

  // Follow a download for as long as its offer is on the page.
  const follow = async (offer, first) => {
    try {
      let told = await first;
      show(offer, told);
      while (told.state === "running" && offer.isConnected) {
        await new Promise((done) => setTimeout(done, PERIOD));
        told = await redraw.get(path(offer));
        show(offer, told);
      }
    } catch {
      show(offer, { state: "failed", done: 0, total: 0, error: "The server does not answer." });
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".download-offer button");
    const offer = button?.closest(".download-offer");
    if (!offer) return;
    if (button.matches(".download-start")) follow(offer, redraw.post(path(offer, "/start")));
    else redraw.post(path(offer, "/cancel")).catch(() => {});
  });
})();
