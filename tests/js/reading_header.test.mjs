import assert from "node:assert/strict";
import { test } from "node:test";

import { describesContrast } from "../../static/js/reading/contrast.js";
import { readHeader } from "../../static/js/reading/header.js";
import { element, fileOf, joined, part10, slice } from "./dicoms.mjs";

const HEAD_BYTES = 64 * 1024;

test("a slice is read into patient, study, series and instance", async () => {
  const { kind, reason, patient, study, series, instance } = await readHeader(fileOf(slice()));

  assert.deepEqual([kind, reason], ["dicom", null]);
  assert.deepEqual(patient, { id: "P1", name: "PHANTOM^TEST", shownName: "PHANTOM, TEST", birthDate: "19500101", sex: "", age: "" });
  assert.equal(study.uid, "2.25.1");
  assert.deepEqual([series.modality, series.description], ["CT", "HEAD 5mm"]);
  assert.deepEqual([instance.uid, instance.number, instance.rows, instance.kind], ["2.25.1.1.1", 1, 2, "image"]);
});

test("the pixels are never read, however many there are", async () => {
  const file = fileOf(slice({}, new Uint8Array(2_000_000)));

  await readHeader(file);

  assert.deepEqual(file.reads, [[0, HEAD_BYTES]]);
});

test("a long value before what is wanted is passed over, not read", async () => {
  const file = fileOf(slice({ 0x00091010: ["OB", new Uint8Array(5_000_000)] }));

  const header = await readHeader(file);

  assert.equal(header.study.uid, "2.25.1");
  assert.ok(file.reads.every(([start, end]) => end - start <= HEAD_BYTES));
  assert.equal(file.reads.length, 2);
});

test("a value that is wanted and far too long is not taken into memory", async () => {
  const file = fileOf(slice({ 0x0008103e: ["UT", new Uint8Array(5_000_000).fill(0x41)] }));

  const header = await readHeader(file);

  assert.deepEqual([header.reason, header.series.description], [null, ""]);
  assert.ok(file.reads.every(([start, end]) => end - start <= HEAD_BYTES));
});

test("a sequence of undefined length that is longer than one read is followed to its end", async () => {
  const items = Array.from({ length: 300 }, () => undefinedItem(element(0x00081150, "UI", "1.2".padEnd(600, "3"))));
  const sequence = joined([sequenceHead(0x00081115), ...items, delimiter(0xe0dd)]);
  const file = fileOf(withBefore(slice(), sequence, 0x0020));

  const header = await readHeader(file);

  assert.equal(header.reason, null);
  assert.equal(header.series.uid, "2.25.1.1");
});

test("3,000 damaged files are named and none of them throws", async () => {
  const sound = slice({ 0x00091010: ["SQ", new Uint8Array(0)] });
  const random = generator(7);

  for (let round = 0; round < 3_000; round += 1) {
    const damaged = sound.slice(0, round % 3 === 0 ? random(sound.length) + 1 : sound.length);
    for (let hit = 0; hit < 3; hit += 1) damaged[random(damaged.length)] = random(256);
    const { kind } = await readHeader(fileOf(damaged));
    assert.ok(["dicom", "headerless", "dicomdir", "not_dicom", "damaged"].includes(kind));
  }
});

test("every length of a file that was cut off has an answer, and it is never dicom before the pixels are there", async () => {
  const sound = slice();

  for (let length = 0; length < sound.length; length += 1) {
    const { kind } = await readHeader(fileOf(sound.slice(0, length)));
    assert.notEqual(kind, "dicom", `${length} bytes`);
  }
});

test("a disk that fails is told to the caller", async () => {
  const read = () => Promise.reject(new Error("scratched"));

  await assert.rejects(readHeader({ size: 1000, read }), /scratched/);
});

for (const [agent, description, found] of [
  ["OMNIPAQUE", "", "agent"],
  ["NONE", "HEAD", ""],
  ["", "HEAD_C+", "description"],
  ["", "Head +C 5.0", "description"],
  ["", "CTA HEAD", "description"],
  ["", "HEAD POST CONTRAST", "description"],
  ["", "CE HEAD", "description"],
  ["", "HEAD W/O CONTRAST", ""],
  ["", "HEAD WITHOUT CONTRAST", ""],
  ["", "NON-CONTRAST HEAD", ""],
  ["", "HEAD NATIV 5mm", ""],
  ["", "NCCT BRAIN", ""],
  ["", "BRAIN PLAIN", ""],
  ["", "CERVICAL", ""],
  ["", "DANCE", ""],
  ["", "HEAD WITHOUT AND POST CONTRAST", "description"],
]) {
  test(`contrast of "${agent}" and "${description}" is ${found || "none"}`, () => {
    assert.equal(describesContrast(agent, description), found);
  });
}

test("a file that is no DICOM needs one read", async () => {
  const file = fileOf(new Uint8Array(1_000_000).fill(0x41));

  const header = await readHeader(file);

  assert.equal(header.kind, "not_dicom");
  assert.equal(file.reads.length, 1);
});

test("a data set that is not deflated although it says so is damaged", async () => {
  const header = await readHeader(fileOf(part10(new Uint8Array(500).fill(0xff), "1.2.840.10008.1.2.1.99")));

  assert.equal(header.kind, "damaged");
});

function sequenceHead(tag) {
  const head = element(tag, "SQ", new Uint8Array(0));
  head.fill(0xff, 8, 12);
  return head;
}

function undefinedItem(content) {
  return joined([Uint8Array.of(0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff), content, delimiter(0xe00d)]);
}

function delimiter(number) {
  return Uint8Array.of(0xfe, 0xff, number & 0xff, number >> 8, 0, 0, 0, 0);
}

/** Put bytes before the first element of a group. */
function withBefore(bytes, inserted, group) {
  const at = bytes.findIndex((_, index) => index > 200 && bytes[index] === group && bytes[index + 1] === 0 && bytes[index + 4] === 0x55);
  return joined([bytes.slice(0, at), inserted, bytes.slice(at)]);
}

function generator(seed) {
  let state = seed;
  return (limit) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state % limit;
  };
}
