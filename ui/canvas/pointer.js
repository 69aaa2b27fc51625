// Mouse, pen and fingers on the view: strokes, panning, pinching, the wheel, the brush ring.
(() => {
  const { TOOLS } = redraw.paint;
  const WHEEL_STEP = 1.2;
  const [LEFT, MIDDLE, RIGHT] = [0, 1, 2];
  const toolCalled = (name) => TOOLS.find((tool) => tool.name === name);

  class Pointer {
    // Listens on `canvas.view`; `canvas` is told what to do.
    constructor(canvas) {
      this.canvas = canvas;
      this.down = new Map(); // pointer id -> its last event
      this.gesture = null;
      this.owner = null; // the pointer that makes the gesture
      this.pinch = null;
      this.penSeen = false; // once there is a pen, fingers only move the view
      this.last = null; // the last event over the view, for the ring
      const { element } = canvas.view;
      const on = (kind, handle, options) => element.addEventListener(kind, handle, options);
      on("pointerdown", (event) => this.press(event));
      on("pointermove", (event) => this.move(event));
      on("pointerup", (event) => this.release(event));
      on("pointercancel", (event) => this.abandon(event));
      on("pointerleave", () => this.hover(null));
      on("wheel", (event) => this.wheel(event), { passive: false });
      on("contextmenu", (event) => canvas.state && event.preventDefault());
    }

    press(event) {
      const { canvas } = this;
      if (!canvas.state || event.target.closest("button, input")) return;
      canvas.view.element.focus({ preventScroll: true });
      canvas.view.element.setPointerCapture(event.pointerId);
      this.down.set(event.pointerId, event);
      if (event.pointerType === "pen") this.penSeen = true;
      this.hover(event);
      if (this.down.size === 2) return this.startPinch();
      if (this.down.size > 2 || this.gesture) return;
      const tool = this.toolFor(event);
      if (!tool) return;
      event.preventDefault();
      this.owner = event.pointerId;
      this.gesture = tool.start(canvas, canvas.view.toPicture(event), event) ?? null;
    }

    // Which tool an event calls for, whichever is chosen; null for a button without a meaning.
    toolFor(event) {
      const { canvas } = this;
      const finger = event.pointerType === "touch";
      if (event.button === MIDDLE || canvas.panning || (finger && this.penSeen))
        return toolCalled("hand");
      if (event.button === RIGHT) return toolCalled("eraser");
      if (event.button !== LEFT) return null;
      if (event.altKey && canvas.mode === "sketch") return toolCalled("picker");
      return toolCalled(canvas.tool);
    }

    move(event) {
      const { canvas } = this;
      this.hover(event);
      if (!this.down.has(event.pointerId)) return;
      this.down.set(event.pointerId, event);
      if (this.pinch) return this.movePinch();
      if (event.pointerId !== this.owner || !this.gesture) return;
      const merged = event.getCoalescedEvents?.() ?? [];
      const events = merged.length ? merged : [event];
      this.gesture.move?.(events.map((one) => canvas.view.toPicture(one)), events);
    }

    release(event) {
      this.down.delete(event.pointerId);
      if (this.down.size < 2) this.pinch = null;
      if (event.pointerType === "touch") this.hover(null);
      if (event.pointerId === this.owner) this.finish(this.canvas.view.toPicture(event));
    }

    abandon(event) {
      this.down.delete(event.pointerId);
      this.pinch = null;
      if (event.pointerId === this.owner) this.cancel();
    }

    // End the gesture as if the pointer had been let go of at `point`, or where it was last.
    finish(point) {
      const gesture = this.gesture;
      const event = this.down.get(this.owner);
      [this.gesture, this.owner] = [null, null];
      if (gesture) gesture.end?.(point ?? this.canvas.view.toPicture(event));
    }

    cancel() {
      const gesture = this.gesture;
      [this.gesture, this.owner] = [null, null];
      gesture?.cancel?.();
    }

    // A second finger: what the first one painted meanwhile was not meant.
    startPinch() {
      this.cancel();
      this.pinch = this.spread();
    }

    spread() {
      const [a, b] = [...this.down.values()];
      return {
        x: (a.clientX + b.clientX) / 2,
        y: (a.clientY + b.clientY) / 2,
        width: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) || 1,
      };
    }

    movePinch() {
      const [before, now] = [this.pinch, this.spread()];
      this.canvas.view.pan(now.x - before.x, now.y - before.y);
      this.canvas.view.zoom(now.width / before.width, now.x, now.y);
      this.pinch = now;
    }

    // Ctrl changes the brush, as in A1111; Shift or Alt zooms. A pinch on a touchpad arrives as a
    // wheel with Ctrl though no such key is down. In fullscreen the wheel alone zooms, elsewhere
    // it scrolls the page.
    wheel(event) {
      const { canvas } = this;
      if (!canvas.state) return;
      const up = (event.deltaY || event.deltaX) < 0;
      const resize = event.ctrlKey && canvas.controlDown;
      if (!resize && !event.ctrlKey && !event.shiftKey && !event.altKey && !canvas.isFull) return;
      event.preventDefault();
      if (resize) canvas.growBrush(up ? WHEEL_STEP : 1 / WHEEL_STEP);
      else if (event.ctrlKey) canvas.view.zoom(Math.exp(-event.deltaY / 100), event.clientX, event.clientY);
      else canvas.view.zoom(up ? WHEEL_STEP : 1 / WHEEL_STEP, event.clientX, event.clientY);
    }

    // Draw the ring where the pointer is; without an event it is hidden, with none given it stays.
    hover(event = this.last) {
      const { canvas } = this;
      this.last = event;
      const brush = event && !canvas.panning && toolCalled(canvas.tool).ring;
      const erase = canvas.tool === "eraser";
      canvas.view.showRing(brush ? event : null, brush ? 2 * canvas.radius(erase, event) : 0);
    }
  }

  redraw.paint.Pointer = Pointer;
})();
