import assert from "node:assert/strict";
import { test } from "node:test";

import { makeReader } from "../../static/js/reading/reader.js";
import { makeServer } from "../../static/js/reading/serving.js";
import { slice, sourceOf } from "./dicoms.mjs";

/** A worker in this thread: real code on both sides of the messages. */
function makeWorker(onMessage = () => {}) {
  const worker = { terminated: false, terminate: () => (worker.terminated = true) };
  const answer = (message) => setImmediate(() => worker.terminated || worker.onmessage?.({ data: structuredClone(message) }));
  const handle = makeServer(answer);
  worker.postMessage = (message) => {
    onMessage(message, worker);
    setImmediate(() => worker.terminated || handle(structuredClone(message)));
  };
  return worker;
}

async function readAll(sources, reader = makeReader(makeWorker), signal = undefined) {
  const results = [];
  await reader.read(sources, (batch) => results.push(...batch), signal);
  reader.close();
  return results;
}

const numbered = (count) => Array.from({ length: count }, (_, index) => sourceOf(`IM${index}`, slice({ 0x00200013: ["IS", `${index}`] })));
const reasonOf = (results, path) => results.find(({ source }) => source.path === path).header.reason;

test("each of 500 files gets its own header, in batches", async () => {
  let batches = 0;
  const results = [];
  const reader = makeReader(makeWorker);

  await reader.read(numbered(500), (batch) => {
    batches += 1;
    results.push(...batch);
  });

  assert.equal(results.length, 500);
  assert.ok(results.every(({ source, header }) => source.path === `IM${header.instance.number}`));
  assert.ok(batches < 20, `${batches}`);
});

test("a source without a Blob behind it is read through the page", async () => {
  const { path, size, read } = sourceOf("CD.zip/IM1", slice());

  const [{ header }] = await readAll([{ path, size, read }]);

  assert.equal(header.study.uid, "2.25.1");
});

test("a file that can't be read is named and the rest goes on", async () => {
  const broken = { path: "scratched", size: 1000, read: () => Promise.reject(new DOMException("", "NotReadableError")) };

  const results = await readAll([broken, ...numbered(3)]);

  assert.equal(reasonOf(results, "scratched"), "unreadable_source");
  assert.equal(results.filter(({ header }) => header.kind === "dicom").length, 3);
});

test("a file that is shorter than it was is unreadable", async () => {
  const short = { ...sourceOf("changed", slice()), size: 1_000_000 };

  assert.equal(reasonOf(await readAll([short]), "changed"), "unreadable_source");
});

test("an entry of an archive says by itself what is wrong with it", async () => {
  const broken = { path: "CD.zip/IM1", size: 1000, read: () => Promise.reject(Object.assign(new Error(), { fault: "archive_damaged" })) };

  assert.equal(reasonOf(await readAll([broken]), "CD.zip/IM1"), "archive_damaged");
});

test("system files are told by their names and not read", async () => {
  const untouched = { path: "CD/__MACOSX/._IM1", size: 10, read: () => assert.fail("read") };

  assert.equal(reasonOf(await readAll([untouched]), untouched.path), "system_file");
});

for (const path of ["CD/README.TXT", "CD/VIEWER/skin.PNG", ".nomedia", "CD\\VIEWER\\run.bat"]) {
  test(`an empty file that never was an image is the viewer's: ${path}`, async () => {
    assert.equal(reasonOf(await readAll([sourceOf(path, new Uint8Array())]), path), "system_file");
  });
}

for (const path of ["CD/IM0001", "CD/IM0001.dcm", "1.2.840.113619", "CD.TXT/IM1", "txt"]) {
  test(`an empty file that was an image is said to be empty: ${path}`, async () => {
    assert.equal(reasonOf(await readAll([sourceOf(path, new Uint8Array())]), path), "empty");
  });
}

test("a viewer's file with bytes is read: its name does not tell what it is", async () => {
  assert.equal(reasonOf(await readAll([sourceOf("CD/IM1.txt", slice())]), "CD/IM1.txt"), null);
});

test("a file that takes the worker down stands alone in the end", async () => {
  const hostile = { ...sourceOf("hostile", slice()), size: 666 };
  const crash = () =>
    makeWorker((message, worker) => {
      if (message.type === "read" && message.files.some(({ size }) => size === 666)) setImmediate(() => worker.onerror({}));
    });

  const results = await readAll([...numbered(40), hostile], makeReader(crash));

  assert.equal(results.length, 41);
  assert.equal(reasonOf(results, "hostile"), "too_complex");
  assert.equal(results.filter(({ header }) => header.kind === "dicom").length, 40);
});

test("a worker that says nothing is given up, and the file is unreadable", async () => {
  const deaf = () => ({ postMessage() {}, terminate() {} });

  const results = await readAll([sourceOf("stuck", slice())], makeReader(deaf, 1, 20));

  assert.equal(reasonOf(results, "stuck"), "unreadable_source");
});

test("an abort ends the reading at once and no batch follows", async () => {
  const abort = new AbortController();
  const results = [];
  const reader = makeReader(makeWorker);

  await reader.read(numbered(500), (batch) => (results.push(...batch), abort.abort()), abort.signal);

  assert.ok(results.length < 100, `${results.length}`);
});

test("no more than a few files are open at once", async () => {
  let open = 0;
  let most = 0;
  const sources = numbered(100).map(({ path, size, read }) => {
    const counted = async (start, end) => {
      open += 1;
      most = Math.max(most, open);
      const blob = await read(start, end);
      open -= 1;
      return blob;
    };
    return { path, size, read: counted };
  });

  await readAll(sources);

  assert.ok(most <= 8, `${most}`);
});

test("a picture is drawn in the worker", async () => {
  const source = sourceOf("IM1", slice({}, Uint8Array.of(0, 0, 100, 0, 200, 0, 255, 0)));
  const reader = makeReader(makeWorker);
  const [{ header }] = await readAll([source]);

  const picture = await reader.picture(source, header.instance);

  assert.deepEqual([picture.width, picture.height, picture.data[0], picture.data[12]], [2, 2, 0, 255]);
});

test("a picture that can't be made is none", async () => {
  const source = sourceOf("IM1", slice({ 0x00280004: ["CS", "PALETTE COLOR"] }));
  const reader = makeReader(makeWorker);
  const [{ header }] = await readAll([source]);

  assert.equal(await reader.picture(source, header.instance), null);
});
