// The webcam as the picture of a ControlNet unit: seen live over its canvas, taken with a click.
(() => {
  const { control } = redraw;
  const ASKED = { video: { width: { ideal: 1280 }, height: { ideal: 720 } }, audio: false };
  const HINT = "Click to take the picture, Esc to close.";
  const REASONS = {
    NotAllowedError: "The browser does not let this page use the webcam; allow it beside the address.",
    NotFoundError: "There is no webcam.",
    NotReadableError: "The webcam is in use by another program.",
  };

  const open = new Map(); // unit -> LiveView
  const mirrored = new Set(); // units

  const canvasOf = (index) => redraw.canvas.get(control.canvasId(index));

  const start = () => {
    if (navigator.mediaDevices) return navigator.mediaDevices.getUserMedia(ASKED);
    throw new Error("The browser shows the webcam only to pages over https, and on localhost.");
  };

  class LiveView {
    constructor(index, stream) {
      this.index = index;
      this.stream = stream;
      this.root = document.createElement("button");
      Object.assign(this.root, { type: "button", className: "webcam" });
      this.root.ariaLabel = `Take the picture for ControlNet Unit ${index}`;
      this.root.innerHTML = `<video autoplay muted playsinline></video><span>${HINT}</span>`;
      this.video = this.root.querySelector("video");
      this.video.srcObject = stream;
      this.root.addEventListener("click", () => this.take());
      this.root.addEventListener("keydown", (event) => {
        if (event.key === "Escape") this.close();
      });
      // Nobody is filmed by a view that is no longer to be seen.
      this.watch = new IntersectionObserver(() => redraw.visible(this.root) || this.close());
      this.show();
      canvasOf(index).root.querySelector(".canvas-middle").append(this.root);
      this.watch.observe(this.root);
      this.root.focus({ preventScroll: true });
    }

    get isMirrored() {
      return mirrored.has(this.index);
    }

    show() {
      this.root.classList.toggle("webcam-mirrored", this.isMirrored);
    }

    async take() {
      const { videoWidth: width, videoHeight: height } = this.video;
      if (!width) return; // nothing has come yet
      const picture = new OffscreenCanvas(width, height);
      const context = picture.getContext("2d");
      if (this.isMirrored) context.setTransform(-1, 0, 0, 1, width, 0);
      context.drawImage(this.video, 0, 0);
      this.close();
      const blob = await picture.convertToBlob({ type: "image/png" });
      await redraw.canvas.put(control.canvasId(this.index), blob, { name: "webcam.png" });
    }

    close() {
      this.watch.disconnect();
      for (const track of this.stream.getTracks()) track.stop();
      this.root.remove();
      open.delete(this.index);
    }
  }

  // Show what the webcam sees, or no longer; why not is said on the canvas.
  const toggle = async (index) => {
    const canvas = canvasOf(index);
    if (!canvas) return;
    if (open.has(index)) return open.get(index).close();
    canvas.bars.say("");
    try {
      const stream = await start();
      open.get(index)?.close(); // pressed twice while the browser asked
      open.set(index, new LiveView(index, stream));
    } catch (error) {
      canvas.bars.say(REASONS[error.name] ?? error.message, true);
    }
  };

  const mirror = (index) => {
    if (!mirrored.delete(index)) mirrored.add(index);
    open.get(index)?.show();
    canvasOf(index)?.bars.say(`The webcam is ${mirrored.has(index) ? "" : "no longer "}mirrored.`);
  };

  control.webcam = { toggle, mirror };
})();
