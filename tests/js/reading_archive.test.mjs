import assert from "node:assert/strict";
import { test } from "node:test";

import { LIMITS, openArchives } from "../../static/js/reading/archive.js";
import { sourceOf } from "./dicoms.mjs";
import { deflate64Run, zip } from "./zips.mjs";

const text = (content) => new TextEncoder().encode(content);
const opened = (entries, options) => openArchives([sourceOf("CD.zip", zip(entries))], options);
const limits = (changes) => ({ limits: { ...LIMITS, ...changes } });
const contentOf = async (source) => (await source.read(0, source.size)).text();
const reasons = ({ problems }) => problems.map(({ source, header }) => [source.path, header.reason]);

test("what is no archive stays as it is", async () => {
  const plain = [sourceOf("IM1", text("PK, but not by name")), sourceOf("not.zip", text("by name only"))];

  const { sources } = await openArchives(plain);

  assert.deepEqual(sources, plain);
});

for (const method of ["stored", "deflate"]) {
  test(`an entry by ${method} is read whole, by its head and by a range`, async () => {
    const content = "0123456789".repeat(20_000);
    const { sources } = await opened([{ name: "DICOM/IM1", content: text(content), method }]);

    assert.equal(sources[0].path, "CD.zip/DICOM/IM1");
    assert.equal(await contentOf(sources[0]), content);
    assert.equal(await (await sources[0].read(0, 10)).text(), "0123456789");
    assert.equal(await (await sources[0].read(100_003, 100_006)).text(), "345");
  });
}

test("an entry by Deflate64 is read", async () => {
  const content = text("a".repeat(50_000));
  const { sources } = await opened([{ name: "IM1", content, method: "deflate64", packed: deflate64Run(0x61, 50_000) }]);

  assert.equal(await contentOf(sources[0]), "a".repeat(50_000));
});

test("the head of an entry is read without inflating the rest", async () => {
  let bytesRead = 0;
  const packed = zip([{ name: "IM1", content: noise(4_000_000), method: "deflate" }]);
  const source = watched("CD.zip", packed, (count) => (bytesRead += count));
  const { sources } = await openArchives([source]);
  bytesRead = 0;

  await sources[0].read(0, 1000);

  assert.ok(bytesRead < 2_000_000, `${bytesRead} bytes`);
});

test("a large entry is inflated once for all of its ranges, though they are asked for at once", async () => {
  let bytesRead = 0;
  const packed = zip([{ name: "IM1", content: noise(1_000_000), method: "deflate" }]);
  const { sources } = await openArchives([watched("CD.zip", packed, (count) => (bytesRead += count))], limits({ small: 1000 }));
  bytesRead = 0;

  const ranges = await Promise.all([1, 2, 3, 4].map((index) => sources[0].read(index * 1000, index * 1000 + 10)));

  assert.deepEqual(ranges.map(({ size }) => size), [10, 10, 10, 10]);
  assert.ok(bytesRead < 1.5 * packed.length, `${bytesRead} bytes`);
});

test("an archive within an archive is opened, one within that is named", async () => {
  const innermost = zip([{ name: "deep", content: text("deep") }]);
  const inner = zip([{ name: "IM2", content: text("two") }, { name: "more.zip", content: innermost }]);

  const found = await opened([{ name: "IM1", content: text("one") }, { name: "inner.zip", content: inner }]);

  assert.deepEqual(found.sources.map(({ path }) => path), ["CD.zip/IM1", "CD.zip/inner.zip/IM2"]);
  assert.equal(await contentOf(found.sources[1]), "two");
  assert.deepEqual(reasons(found), [["CD.zip/inner.zip/more.zip", "archive_nested"]]);
});

test("encrypted entries and unknown methods are named and the rest is taken", async () => {
  const found = await opened([
    { name: "secret", content: text("x"), isEncrypted: true },
    { name: "odd", content: text("x"), method: "bzip2" },
    { name: "IM1", content: text("one") },
  ]);

  assert.deepEqual(reasons(found), [["CD.zip/secret", "archive_encrypted"], ["CD.zip/odd", "archive_unsupported"]]);
  assert.equal(await contentOf(found.sources[0]), "one");
});

for (const [name, entry] of [
  ["a wrong CRC", { content: text("one"), crc: 1 }],
  ["more than it declares", { content: text("one, two, three"), declared: 3 }],
  ["less than it declares", { content: text("one"), declared: 300 }],
  ["a broken stream", { content: text("one"), packed: Uint8Array.of(7, 7, 7) }],
]) {
  test(`an entry with ${name} is named when it is read, and the next one is read`, async () => {
    const { sources } = await opened([{ name: "bad", ...entry }, { name: "good", content: text("good") }]);

    await assert.rejects(sources[0].read(0, sources[0].size), { fault: "archive_damaged" });
    assert.equal(await contentOf(sources[1]), "good");
  });
}

test("an archive that was cut off is named and the other sources are taken", async () => {
  const whole = zip([{ name: "IM1", content: text("one") }]);

  const found = await openArchives([sourceOf("CD.zip", whole.slice(0, -30)), sourceOf("IM2", text("two"))]);

  assert.deepEqual(reasons(found), [["CD.zip", "archive_damaged"]]);
  assert.deepEqual(found.sources.map(({ path }) => path), ["IM2"]);
});

test("too many entries speak against the whole archive", async () => {
  const entries = Array.from({ length: 11 }, (_, index) => ({ name: `${index}`, content: text("x") }));

  const found = await opened(entries, limits({ entries: 10 }));

  assert.deepEqual(reasons(found), [["CD.zip", "archive_too_many"]]);
  assert.deepEqual(found.sources, []);
});

test("a bomb is stopped by what comes out of it", async () => {
  const { sources } = await opened([{ name: "bomb", content: new Uint8Array(5_000_000) }], limits({ freeBytes: 1_000_000 }));

  await assert.rejects(sources[0].read(0, sources[0].size), { fault: "archive_too_large" });
});

test("many entries together may not pass the limit, and reading one twice counts once", async () => {
  const entries = [1, 2, 3].map((name) => ({ name: `${name}`, content: noise(1000), method: "stored" }));
  const { sources } = await opened(entries, limits({ bytes: 2500, kept: 0 }));

  for (const source of [sources[0], sources[0], sources[1], sources[0]]) await source.read(0, 1000);

  await assert.rejects(sources[2].read(0, 1000), { fault: "archive_too_large" });
});

for (const [name, path] of [
  ["../../etc/passwd", "etc/passwd"],
  ["C:\\Users\\IM1", "Users/IM1"],
  ["/absolute", "absolute"],
  ["a//./b", "a/b"],
  ["..", "unnamed"],
]) {
  test(`an entry named ${JSON.stringify(name)} is shown as ${path}`, async () => {
    const { sources } = await opened([{ name, content: text("x") }]);

    assert.equal(sources[0].path, `CD.zip/${path}`);
  });
}

test("entries with the same name are all there", async () => {
  const { sources } = await opened([{ name: "IM1", content: text("one") }, { name: "IM1", content: text("two") }]);

  assert.deepEqual(await Promise.all(sources.map(contentOf)), ["one", "two"]);
});

function noise(length) {
  let state = 1;
  return Uint8Array.from({ length }, () => (state = (state * 1103515245 + 12345) % 2147483648) >> 16);
}

function watched(path, bytes, onRead) {
  const blob = new Blob([bytes]);
  const slice = blob.slice.bind(blob);
  blob.slice = (start, end, type) => {
    onRead(end - start);
    return slice(start, end, type);
  };
  return { path, size: blob.size, file: blob, read: async (start, end) => slice(start, end) };
}

test("nothing of this needs a drop: an empty list gives an empty answer", async () => {
  assert.deepEqual(await openArchives([]), { sources: [], problems: [] });
});

