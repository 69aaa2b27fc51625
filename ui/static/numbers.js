// Number boxes keep what was typed. Gradio moves a slider's value into its range when its box loses
// the focus, and an emptied one to the lowest; a size of 2500 would become 2048 without a word. What
// cannot be used is refused when Generate is pressed, in a sentence that says what is allowed.
(() => {
  const outside = (box) => {
    const value = Number(box.value);
    return box.value === "" || value < Number(box.min) || value > Number(box.max);
  };

  document.addEventListener(
    "blur",
    (event) => {
      const box = event.target;
      if (box.matches?.("#img2img_settings input[type=number]") && outside(box))
        event.stopPropagation();
    },
    true,
  );
})();
