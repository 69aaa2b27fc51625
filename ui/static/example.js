// The model's own example: what the form held before it is kept, so that one click takes it back,
// for as long as nothing else is changed: what was typed since then must not be lost.
(() => {
  let before = null; // the form when the example was asked for
  let after = null; // the form with the example in it, as text; null when there is no way back

  const show = (text) => {
    after = text;
    document.body.dataset.example = text === null ? "none" : "filled";
  };

  redraw.example = {
    begin: (names, values) => {
      before = redraw.form(names, values);
    },
    filled: (names, values) => {
      const text = JSON.stringify(redraw.form(names, values));
      if (text === JSON.stringify(before)) return; // refused, or the same already
      show(text);
      redraw.find("#img2img_generate")?.focus({ preventScroll: true });
    },
    formChanged: (form) => {
      if (after !== null && JSON.stringify(form) !== after) show(null);
    },
    takeBack: () => {
      show(null);
      return [before];
    },
  };
})();
