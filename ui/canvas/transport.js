// Files on their way to the server, and questions to it.
(() => {
  // The server's record of a file, as Gradio's file fields have it.
  const record = (path, name) => ({
    path,
    url: redraw.url(`gradio_api/file=${path.split("/").map(encodeURIComponent).join("/")}`),
    orig_name: name,
    meta: { _type: "gradio.FileData" },
  });

  const refusal = async (response) => {
    const text = await response.text();
    try {
      return JSON.parse(text).detail ?? text;
    } catch {
      return text || `the server answered ${response.status}.`;
    }
  };

  // Hand a file over; an Error says in words why it could not be.
  const upload = async (file) => {
    const form = new FormData();
    form.append("files", file, file.name);
    let response;
    try {
      response = await fetch(redraw.url("gradio_api/upload"), { method: "POST", body: form });
    } catch {
      throw new Error("the server cannot be reached.");
    }
    if (!response.ok) throw new Error(await refusal(response));
    const [path] = await response.json();
    return record(path, file.name);
  };

  // Whether the server still has a file: it sweeps old ones, and may have been started anew.
  const has = async (known) => {
    try {
      return (await fetch(known.url, { method: "HEAD", cache: "no-store" })).ok;
    } catch {
      return false;
    }
  };

  // A file that is uploaded when it is first asked for, and again if the server has lost it.
  class Upload {
    // `file` may be the promise of one.
    constructor(file) {
      this.file = file;
      this.known = null;
      this.running = null;
    }

    // The server's record of it. Whoever asks meanwhile waits for the same upload.
    ready() {
      this.running ??= this.bring().finally(() => (this.running = null));
      return this.running;
    }

    async bring() {
      if (!this.known || !(await has(this.known))) this.known = await upload(await this.file);
      return this.known;
    }
  }

  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  // The answer to a question about the picture: {box, bytes} of what was selected.
  const select = async (server, question) => {
    let answer;
    try {
      answer = await server.select_pixels(question);
    } catch {
      throw new Error("The server gave no answer.");
    }
    if (answer.error) throw new Error(answer.error);
    const packed = new Blob([bytesOf(answer.mask)]).stream();
    const plain = packed.pipeThrough(new DecompressionStream("deflate"));
    return {
      box: answer.box,
      bytes: new Uint8Array(await new Response(plain).arrayBuffer()),
    };
  };

  Object.assign(redraw.paint, { Upload, select });
})();
