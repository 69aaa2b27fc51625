// Tooltips of icon buttons, the server's notices, the light and dark theme, and keeping the focus.
(() => {
  const TOOLTIPS = {
    img2img_generate: "Right click for the generate forever menu",
    img2img_interrupt: "End generation immediately or after completing current batch",
    img2img_interrupting: "Interrupting generation; press again to stop at once",
    img2img_skip: "Stop generation of current batch and continue onto next batch",
    paste:
      "Read generation parameters from the prompt, or from the last generation if it is empty",
    img2img_clear_prompt: "Clear prompt",
    img2img_style_apply: "Apply all selected styles to prompts",
    img2img_styles_edit_button: "Edit styles",
    img2img_styles_refresh: "Read the styles file again",
    img2img_styles_copy: "Copy main UI prompt to style",
    refresh_sd_model_checkpoint: "Look for checkpoints again",
    refresh_sd_vae: "Look for VAEs again",
    img2img_checkpoint_refresh: "Look for checkpoints again",
    theme_toggle: "Light or dark",
    img2img_res_switch_btn: "Switch width/height",
    img2img_detect_image_size_btn: "Auto detect size from img2img",
    img2img_try_example:
      "Fill in a picture, a prompt and settings that suit this checkpoint; one click takes them back",
    img2img_random_seed: "Set seed to -1, which will cause a new random number to be used every time",
    img2img_reuse_seed: "Reuse seed from last generation",
    img2img_random_subseed: "Set variation seed to -1",
    img2img_reuse_subseed: "Reuse variation seed from last generation",
    img2img_result_reuse_seed: "Reuse the seed of this picture",
    save_img2img: "Download the image",
    img2img_send_to_img2img: "Send image to img2img",
    img2img_send_to_sketch: "Send image to sketch",
    img2img_send_to_inpaint: "Send image to inpaint",
  };

  const label = () => {
    for (const [id, text] of Object.entries(TOOLTIPS)) {
      const button = document.getElementById(id);
      if (!button) continue;
      button.title = text;
      if (!/\w/.test(button.textContent)) button.ariaLabel = text;
    }
  };
  document.addEventListener("redraw:ready", label);

  // What the server has to say about itself, such as why there is no public link. A link takes up
  // to a minute to come or to fail.
  const ASK_NOTICES_AFTER = [0, 10_000, 60_000];
  const showNotices = async () => {
    const sentences = await redraw.get("internal/notices").catch(() => []);
    const bar = redraw.find("#notices") ?? document.createElement("div");
    bar.id = "notices";
    bar.replaceChildren(
      ...sentences.map((sentence) => {
        const line = document.createElement("p");
        line.textContent = sentence;
        return line;
      }),
    );
    redraw.find("#quicksettings")?.before(bar);
  };
  document.addEventListener("redraw:ready", () => {
    for (const delay of ASK_NOTICES_AFTER) setTimeout(showNotices, delay);
  });

  // Gradio's gallery gives its thumbnail the focus whenever pictures arrive, which scrolls the page
  // and takes the keyboard from whoever is typing the next prompt.
  const focus = HTMLElement.prototype.focus;
  HTMLElement.prototype.focus = function (options) {
    const gallery = this.closest("#img2img_gallery");
    if (!gallery) return focus.call(this, options);
    if (gallery.contains(document.activeElement)) focus.call(this, { preventScroll: true });
  };

  // An address with ?__theme= is obeyed; else the toggle's last word, the program's flag, and
  // what the system prefers, which is what Gradio itself follows.
  const KEY = "redraw-theme";
  const asked = new URLSearchParams(location.search).get("__theme");
  const wanted = () => asked ?? localStorage.getItem(KEY) ?? redraw.theme;

  const apply = () => {
    const theme = wanted();
    if (theme === "dark" || theme === "light")
      document.body.classList.toggle("dark", theme === "dark");
  };
  document.addEventListener("DOMContentLoaded", apply);
  document.addEventListener("redraw:ready", apply);

  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#theme_toggle")) return;
    const dark = document.body.classList.toggle("dark");
    localStorage.setItem(KEY, dark ? "dark" : "light");
  });
})();
