// What outlives a reload or a crash of the page: pictures and drawings, kept by this browser.
//
// Every tab keeps its own, so two tabs never overwrite each other; a new tab begins with what was
// painted last. Only the tiles that have changed are written.
(() => {
  const DATABASE = "redraw-canvas";
  const KEPT_DAYS = 7;
  const DAY = 86_400_000; // milliseconds

  const tab = () => {
    const key = "redraw-tab";
    const known = sessionStorage.getItem(key);
    if (known) return known;
    const made = Math.random().toString(36).slice(2);
    sessionStorage.setItem(key, made);
    return made;
  };

  const result = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });

  let opened = null;
  const open = () => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("pictures");
      request.result.createObjectStore("tiles");
    };
    opened ??= result(request);
    return opened;
  };

  const tilesOf = (key) => IDBKeyRange.bound([key, 0], [key, Infinity]);

  class Memory {
    // `name` is the canvas's element id.
    constructor(name) {
      this.name = name;
      this.key = `${name} ${tab()}`;
      this.written = { file: null, tiles: [] };
      this.queue = Promise.resolve();
    }

    // Keep `state` = {file, drawing}, or nothing for null. One write follows the other.
    save(state) {
      const now = state && { file: state.file, drawing: state.drawing.copy() };
      this.queue = this.queue.then(() => this.write(now)).catch(() => {
        // Private windows and full disks keep nothing; the open page still has it all.
      });
      return this.queue;
    }

    async write(state) {
      const transaction = (await open()).transaction(["pictures", "tiles"], "readwrite");
      const [pictures, tiles] = ["pictures", "tiles"].map((name) => transaction.objectStore(name));
      const fresh = this.written.file !== (state?.file ?? null);
      if (fresh) tiles.delete(tilesOf(this.key));
      if (!state) pictures.delete(this.key);
      else {
        const { file, drawing } = state;
        const { width, height } = drawing;
        const record = { name: this.name, saved: Date.now(), file, width, height };
        pictures.put(record, this.key);
        const known = fresh ? [] : this.written.tiles;
        drawing.tiles.forEach((tile, index) => {
          if (tile === (known[index] ?? null)) return;
          if (tile) tiles.put(tile, [this.key, index]);
          else tiles.delete([this.key, index]);
        });
      }
      transaction.commit?.(); // at once: the page may be about to go
      await new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
      this.written = { file: state?.file ?? null, tiles: state ? state.drawing.tiles : [] };
    }

    // {file, drawing} as this tab left it, or the last of any tab; null if there is nothing.
    async load() {
      try {
        return await this.read();
      } catch {
        return null;
      }
    }

    async read() {
      const transaction = (await open()).transaction(["pictures", "tiles"], "readwrite");
      const [pictures, tiles] = ["pictures", "tiles"].map((name) => transaction.objectStore(name));
      const [keys, records] = await Promise.all([
        result(pictures.getAllKeys()),
        result(pictures.getAll()),
      ]);
      const mine = [];
      records.forEach((record, index) => {
        const entry = { ...record, key: keys[index] };
        if (Date.now() - record.saved > KEPT_DAYS * DAY) {
          pictures.delete(entry.key);
          tiles.delete(tilesOf(entry.key));
        } else if (record.name === this.name) mine.push(entry);
      });
      mine.sort((one, other) => other.saved - one.saved);
      const found = mine.find((entry) => entry.key === this.key) ?? mine[0];
      if (!found) return null;
      const drawing = new redraw.paint.Drawing(found.width, found.height);
      const [places, arrays] = await Promise.all([
        result(tiles.getAllKeys(tilesOf(found.key))),
        result(tiles.getAll(tilesOf(found.key))),
      ]);
      places.forEach(([, index], at) => (drawing.tiles[index] = arrays[at]));
      return { file: found.file, drawing };
    }
  }

  redraw.paint.Memory = Memory;
})();
