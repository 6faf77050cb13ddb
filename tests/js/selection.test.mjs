import assert from "node:assert/strict";
import { test } from "node:test";

import { makeSelection } from "../../static/js/selection.js";

const sources = (...paths) => paths.map((path) => ({ path, size: 1 }));
const pathsOf = (found) => found.map(({ path }) => path);

test("several drops make one selection", () => {
  const selection = makeSelection();
  selection.add({ files: [{ source: { path: "one" } }], discs: [] });
  selection.add({ files: [{ source: { path: "two" } }], discs: [{ path: "CD/DICOMDIR" }] });

  assert.equal(selection.files.length, 2);
  assert.equal(selection.discs.length, 1);
});

test("two files of one path are both kept, under different paths", () => {
  const selection = makeSelection();
  const named = [1, 2, 3].flatMap(() => selection.nameSources(sources("CD/IM1")));

  assert.deepEqual(pathsOf(named), ["CD/IM1", "copy 2/CD/IM1", "copy 3/CD/IM1"]);
});

test("a copy remembers under which path it was dropped", () => {
  const [, copy] = makeSelection().nameSources(sources("CD/IM1", "CD/IM1"));

  assert.equal(copy.dropped, "CD/IM1");
});

test("a path is free again when the reading of its drop was stopped", () => {
  const selection = makeSelection();
  const [kept] = selection.nameSources(sources("CD/IM1"));
  selection.add({ files: [{ source: kept }], discs: [] });
  selection.nameSources(sources("CD/IM2"));

  selection.forgetUnread();

  assert.deepEqual(pathsOf(selection.nameSources(sources("CD/IM1", "CD/IM2"))), ["copy 2/CD/IM1", "CD/IM2"]);
});

test("two entries of one archive with the same name are both kept", () => {
  const named = makeSelection().nameSources(sources("CD.zip/IM1", "CD.zip/IM1"));

  assert.deepEqual(pathsOf(named), ["CD.zip/IM1", "copy 2/CD.zip/IM1"]);
});

test("a name with half a character in it becomes text", () => {
  const named = makeSelection().nameSources(sources("IM\ud800", "ok 😀"));

  assert.deepEqual(pathsOf(named), ["IM\ufffd", "ok 😀"]);
});

test("a renamed source still gives its bytes", async () => {
  const selection = makeSelection();
  const source = { path: "IM1", size: 1, read: async () => "bytes" };
  selection.nameSources([source]);

  const [copy] = selection.nameSources([source]);

  assert.equal(await copy.read(0, 1), "bytes");
});
