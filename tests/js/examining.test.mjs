import assert from "node:assert/strict";
import { test } from "node:test";

import { examine } from "../../static/js/examining.js";
import { openArchives } from "../../static/js/reading/archive.js";
import { makeSelection } from "../../static/js/selection.js";
import { slice } from "./dicoms.mjs";
import { file } from "./headers.mjs";

const asReader = (headerOf) => ({
  read: async (sources, onBatch) => sources.forEach((source) => onBatch([{ source, header: headerOf(source) }])),
});

function tools(changes = {}) {
  const reader = asReader(() => file({}).header);
  const { signal } = new AbortController();
  return { openArchives, reader, nameSources: makeSelection().nameSources, signal, onProgress: () => {}, ...changes };
}

const scanOf = (...paths) => ({ files: paths.map((path) => ({ path, file: new Blob([slice()]) })), unreadable: [] });

test("each file comes with its header, and how far the reading is, is told", async () => {
  const told = [];

  const { files } = await examine(scanOf("CD/IM1", "CD/IM2"), tools({ onProgress: (...news) => told.push(news) }));

  assert.deepEqual(files.map(({ source, header }) => [source.path, header.kind]), [["CD/IM1", "dicom"], ["CD/IM2", "dicom"]]);
  assert.deepEqual(told, [[0, 2], [1, 2], [2, 2]]);
});

test("what the computer can't even open is named beside the rest", async () => {
  const { files } = await examine({ ...scanOf("CD/IM1"), unreadable: ["CD/SCRATCHED"] }, tools());

  const { header } = files.find(({ source }) => source.path === "CD/SCRATCHED");
  assert.deepEqual(header, { kind: "unreadable", reason: "unreadable_source" });
  assert.equal(files.length, 2);
});

test("an archive that is none is named, and the rest is read", async () => {
  const scan = scanOf("IM1");
  scan.files.push({ path: "CD.zip", file: new Blob(["PK\x03\x04 and then nothing of an archive"]) });

  const { files } = await examine(scan, tools());

  assert.equal(files.find(({ source }) => source.path === "CD.zip").header.reason, "archive_damaged");
  assert.equal(files.length, 2);
});

test("a CD's table of contents that can't be read lists nothing and stops nothing", async () => {
  const reader = asReader(() => ({ kind: "dicomdir", reason: "dicomdir" }));
  const scan = { files: [{ path: "CD/DICOMDIR", file: { size: 9, slice: () => Promise.reject(new Error("scratched")) } }], unreadable: [] };

  const { discs } = await examine(scan, tools({ reader }));

  assert.deepEqual(discs, [{ path: "CD/DICOMDIR", listed: [] }]);
});
