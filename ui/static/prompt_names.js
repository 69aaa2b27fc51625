// What prompts may name: LoRAs, embeddings and wildcards, asked for when somebody comes to a prompt.
(() => {
  const FRESH = 60_000; // milliseconds for which an answer is taken to be true
  const NOTHING = { loras: [], embeddings: [], wildcards: [], multiplier: "1" };

  let answer = null; // the last one, with sets of all names in lower case
  let asking = null;
  let askedAt = 0;

  const lower = (names) => new Set(names.map((name) => name.toLowerCase()));

  const prepare = (told) => ({
    ...NOTHING,
    ...told,
    isLora: lower(told.loras.flat()),
    isEmbedding: lower(told.embeddings),
  });

  const ask = async () => {
    try {
      answer = prepare(await redraw.get("internal/networks/names"));
      document.dispatchEvent(new Event("redraw:names"));
    } catch {
      askedAt = 0; // the server is away for a moment; the next visit asks again
    }
    asking = null;
    return answer ?? NOTHING;
  };

  redraw.networkNames = {
    known: () => answer,
    forget: () => {
      askedAt = 0;
      if (answer) redraw.networkNames.get();
    },
    get: () => {
      if (asking) return asking;
      if (answer && performance.now() - askedAt < FRESH) return Promise.resolve(answer);
      askedAt = performance.now();
      return (asking = ask());
    },
  };

  document.addEventListener("focusin", (event) => {
    if (redraw.isPrompt(event.target)) redraw.networkNames.get();
  });
})();
