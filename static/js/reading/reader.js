/** Reads the heads of many files in workers and hands them over in batches. */

import { isJunk } from "./kinds.js";

const WORKERS = 2;
const BATCH = 32; // files given to a worker at once
const SILENCE = 120_000; // milliseconds: a scratched CD is slow, but a worker that says nothing for so long hangs
const CRASHED = { kind: "damaged", reason: "too_complex" };
const SILENT = { kind: "unreadable", reason: "unreadable_source" };
const SYSTEM_FILE = { kind: "not_dicom", reason: "system_file" };

/**
 * A *source* is `{ path, size, read(start, end) -> Promise<Blob> }`, and `file` where a Blob lies behind it. A read that
 * rejects names the file "unreadable_source", or by the error's `fault` when it has one.
 * @param {function(): Worker} makeWorker `() => new Worker(url, { type: "module" })`, the URL from the page's data
 */
export function makeReader(makeWorker, workers = WORKERS, silence = SILENCE) {
  const hands = Array.from({ length: workers }, () => makeHand(makeWorker, silence));

  /**
   * @param {function(Array<{source, header}>)} onBatch called as headers come, in no order
   * @param {AbortSignal} signal stops the reading; the promise resolves then too
   */
  async function read(sources, onBatch, signal = new AbortController().signal) {
    const junk = sources.filter(isJunk);
    if (junk.length > 0) onBatch(junk.map((source) => ({ source, header: SYSTEM_FILE })));
    const batches = batched(sources.filter((source) => !isJunk(source)));
    const stop = () => hands.forEach((hand) => hand.drop());
    signal.addEventListener("abort", stop, { once: true });
    await Promise.all(hands.map((hand) => readInTurns(hand, batches, onBatch, signal)));
    signal.removeEventListener("abort", stop);
  }

  /** A small picture of the middle frame; null when its pixels are compressed, or missing. */
  async function picture(source, instance) {
    const hand = hands.reduce((one, other) => (other.waiting() < one.waiting() ? other : one));
    return hand.draw(source, instance).catch(() => null);
  }

  function close() {
    hands.forEach((hand) => hand.drop());
  }

  return { read, picture, close };
}

/** A batch that took its worker down is read again file by file, so that one hostile file stands alone. */
async function readInTurns(hand, batches, onBatch, signal) {
  for (let batch = batches.pop(); batch !== undefined && !signal.aborted; batch = batches.pop()) {
    const { headers, fault } = await hand.read(batch).then((found) => ({ headers: found }), (error) => ({ fault: error.fault }));
    if (signal.aborted) return;
    if (headers) onBatch(headers.map((header, index) => ({ source: batch[index], header })));
    else if (batch.length === 1) onBatch([{ source: batch[0], header: fault }]);
    else batches.push(...batch.map((source) => [source]));
  }
}

function batched(sources) {
  const batches = [];
  for (let at = 0; at < sources.length; at += BATCH) batches.push(sources.slice(at, at + BATCH));
  return batches.reverse();
}

/** One worker at a time, made when needed and made anew after a crash. */
function makeHand(makeWorker, silence) {
  let worker = null;
  let lastId = 0;
  const sources = new Map();
  const calls = new Map(); // the id of a call -> what settles it

  function start() {
    worker = makeWorker();
    worker.onmessage = ({ data }) => answer(data);
    worker.onerror = (event) => {
      event.preventDefault?.();
      drop();
    };
  }

  function drop(fault = CRASHED) {
    worker?.terminate();
    worker = null;
    sources.clear();
    for (const call of [...calls.values()]) call.fail(fault);
  }

  function call(ids, message) {
    if (worker === null) start();
    const key = ids[0];
    return new Promise((resolve, reject) => {
      const timer = setTimeout(drop, silence, SILENT);
      const settle = (act) => (value) => {
        clearTimeout(timer);
        calls.delete(key);
        ids.forEach((id) => sources.delete(id));
        act(value);
      };
      calls.set(key, { done: settle(resolve), fail: settle((fault) => reject(Object.assign(new Error("the worker stopped"), { fault }))) });
      worker.postMessage(message);
    });
  }

  function named(source) {
    lastId += 1;
    sources.set(lastId, source);
    return { id: lastId, size: source.size, file: source.file };
  }

  async function read(batch) {
    const files = batch.map(named);
    const ids = files.map(({ id }) => id);
    const headers = new Map((await call(ids, { type: "read", files })).map(({ id, header }) => [id, header]));
    return ids.map((id) => headers.get(id));
  }

  function draw(source, instance) {
    const file = named(source);
    return call([file.id], { type: "draw", ...file, instance });
  }

  function answer(message) {
    if (message.type === "need") giveBytes(worker, message);
    else if (message.type === "picture") calls.get(message.id)?.done(message.picture);
    else calls.get(Math.min(...message.headers.map(({ id }) => id)))?.done(message.headers);
  }

  async function giveBytes(asker, { ask, id, start, end }) {
    const found = await sources
      .get(id)
      .read(start, end)
      .then((blob) => ({ blob }), (error) => ({ fault: error.fault ?? "unreadable_source" }));
    if (asker === worker) worker.postMessage({ type: "bytes", ask, ...found });
  }

  return { read, draw, drop, waiting: () => calls.size };
}
