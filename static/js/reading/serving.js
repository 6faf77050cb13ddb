/** What the worker does with each message: reads heads a few at a time, draws pictures. Knows no page. */

import { readHeader } from "./header.js";
import { drawFrame, frameRange } from "./picture.js";

const FILES_AT_ONCE = 4;

/**
 * Takes `{ type: "read", files: [{ id, size, file? }] }` and answers `{ type: "headers", headers: [{ id, header }] }`;
 * takes `{ type: "draw", id, size, file?, instance }` and answers `{ type: "picture", id, picture }`. A file that came
 * without its Blob is asked for with `{ type: "need", ask, id, start, end }`, answered by `{ type: "bytes", ask, blob | fault }`.
 * @param {function(object, Array=)} post sends a message to the page
 */
export function makeServer(post) {
  const asked = new Map();
  let asks = 0;

  function blobOf({ id, file }, start, end) {
    if (file) return file.slice(start, end);
    asks += 1;
    post({ type: "need", ask: asks, id, start, end });
    return new Promise((resolve, reject) => asked.set(asks, { resolve, reject }));
  }

  async function bytesOf(item, start, end) {
    const blob = await blobOf(item, start, end);
    const bytes = new Uint8Array(await blob.arrayBuffer());
    if (bytes.length !== end - start) throw new Error("the file is no longer as long as it was");
    return bytes;
  }

  async function headerOf(item) {
    try {
      return await readHeader({ size: item.size, read: (start, end) => bytesOf(item, start, end) });
    } catch (error) {
      return { kind: "unreadable", reason: error.fault ?? "unreadable_source" };
    }
  }

  async function readAll(files) {
    const headers = [];
    let next = 0;
    const lane = async () => {
      while (next < files.length) {
        const item = files[next];
        next += 1;
        headers.push({ id: item.id, header: await headerOf(item) });
      }
    };
    await Promise.all(Array.from({ length: FILES_AT_ONCE }, lane));
    post({ type: "headers", headers });
  }

  async function draw(item) {
    const range = frameRange(item.instance);
    const picture = range && (await bytesOf(item, range.start, range.end).then((bytes) => drawFrame(item.instance, bytes), () => null));
    post({ type: "picture", id: item.id, picture }, picture ? [picture.data.buffer] : []);
  }

  function settle({ ask, blob, fault }) {
    const { resolve, reject } = asked.get(ask);
    asked.delete(ask);
    if (blob) resolve(blob);
    else reject(Object.assign(new Error("the page could not read the file"), { fault }));
  }

  return function handle(message) {
    if (message.type === "read") return readAll(message.files);
    if (message.type === "draw") return draw(message);
    return settle(message);
  };
}
