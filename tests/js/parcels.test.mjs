import assert from "node:assert/strict";
import { test } from "node:test";

import { FILES_PER_PARCEL, memberName, takeParcel, wholePiece } from "../../static/js/parcels.js";
import { tarBlob } from "../../static/js/tar.js";

const MEGABYTE = 1024 * 1024;

function waitingFor(...sizes) {
  return sizes.map((size, index) => wholePiece({ number: index + 1, size }));
}

function takeAll(waiting, limit) {
  const parcels = [];
  while (waiting.length > 0) parcels.push(takeParcel(waiting, limit));
  return parcels;
}

function archiveBytes(pieces) {
  return tarBlob(pieces.map((piece) => ({ name: memberName(piece), blob: new Blob([new Uint8Array(piece.end - piece.start)]) }))).size;
}

test("small files travel together in their order until the parcel is full", () => {
  const waiting = waitingFor(...new Array(50).fill(65_000));

  const parcels = takeAll(waiting, MEGABYTE);

  assert.deepEqual(parcels.flat().map((piece) => piece.file.number), Array.from({ length: 50 }, (_, index) => index + 1));
  assert.equal(parcels.length, 4);
});

test("no archive is larger than the limit, whatever the sizes", () => {
  const sizes = [0, 1, 511, 512, 513, 300_000, MEGABYTE, 2 * MEGABYTE - 2048, 2 * MEGABYTE, 5_000_001, 7, 0, 0];

  for (const pieces of takeAll(waitingFor(...sizes), 2 * MEGABYTE)) assert.ok(archiveBytes(pieces) <= 2 * MEGABYTE);
});

test("a parcel holds at most a thousand files", () => {
  const parcels = takeAll(waitingFor(...new Array(2500).fill(1)), 32 * MEGABYTE);

  assert.deepEqual(parcels.map((pieces) => pieces.length), [FILES_PER_PARCEL, FILES_PER_PARCEL, 500]);
});

test("a large file is cut into slices, each alone, that are the whole file without gap or overlap", () => {
  const waiting = waitingFor(10 * MEGABYTE + 1, 5);

  const parcels = takeAll(waiting, 4 * MEGABYTE);
  const slices = parcels.slice(0, -1).flat();

  assert.ok(parcels.slice(0, -1).every((pieces) => pieces.length === 1));
  assert.equal(slices[0].start, 0);
  slices.slice(1).forEach((slice, index) => assert.equal(slice.start, slices[index].end));
  assert.equal(slices.at(-1).end, 10 * MEGABYTE + 1);
  assert.deepEqual(parcels.at(-1).map(memberName), ["2"]);
});

test("a slice is named by its file and its first byte, a whole file by its number", () => {
  const file = { number: 17, size: 40_000_000 };

  assert.equal(memberName({ file, start: 33_554_432, end: 40_000_000 }), "17.33554432");
  assert.equal(memberName({ file, start: 0, end: 1000 }), "17.0");
  assert.equal(memberName(wholePiece(file)), "17");
});

test("the rest of a cut file stays a slice even when it would fit beside others", () => {
  const waiting = waitingFor(3 * MEGABYTE, 10, 10);
  takeParcel(waiting, 2 * MEGABYTE);

  const rest = takeParcel(waiting, 32 * MEGABYTE);

  assert.equal(rest.length, 1);
  assert.equal(rest[0].end, 3 * MEGABYTE);
  assert.notEqual(rest[0].start, 0);
});

test("nothing waiting makes no parcel", () => {
  assert.deepEqual(takeParcel([], MEGABYTE), []);
});
