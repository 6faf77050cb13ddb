import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { manifestParts } from "../../static/js/naming.js";
import { patientKey } from "../../static/js/reading/identity.js";
import { makePlacing, othersAmong } from "../../static/js/resumed.js";
import { makeTally } from "../../static/js/tally.js";
import { file } from "./headers.mjs";

const list = (count) => Array.from({ length: count }, (_, index) => index);
const sha256 = async (bytes) => createHash("sha256").update(bytes).digest();

for (const [files, details, parts] of [[0, 0, 1], [1, 0, 1], [250, 0, 1], [251, 0, 2], [2250, 0, 2], [2251, 0, 3], [5000, 1, 4], [10, 2500, 3]]) {
  test(`${files} files and ${details} studies take ${parts} requests, and none is lost`, () => {
    const found = manifestParts(list(files), { studies: list(details) });

    assert.equal(found.length, parts);
    assert.deepEqual(found.flatMap((part) => part.files), list(files));
    assert.deepEqual(found.flatMap((part) => part.details.studies ?? []), list(details));
    assert.deepEqual(found.map(({ isLast }) => isLast), list(parts).map((index) => index === parts - 1));
    assert.ok(found.every((part) => part.files.length <= 2000 && (part.details.studies ?? []).length <= 1000));
  });
}

test("bytes may move with the request that ends the patients and the studies", () => {
  const parts = manifestParts(list(5000), { confirmed: list(1), studies: list(1500), left_out: list(3000) });

  assert.deepEqual(parts.map(({ isAllAsked }) => isAllAsked), [false, true, false, false]);
});

test("the first request names few files, so that their bytes move while the others are named", () => {
  const parts = manifestParts(list(5000));

  assert.deepEqual(parts.map(({ files }) => files.length), [250, 2000, 2000, 750]);
});

test("what is counted of all is also counted of each study", () => {
  const files = [{ size: 10, study: "a" }, { size: 20, study: "a" }, { size: 40, study: "b" }];
  const tally = makeTally(files);
  tally.arrived(files[0], 10, true);
  tally.arrived(files[2], 15, false);
  tally.excluded(files[1], 20);

  const { studies, ...all } = tally.progress(0);

  assert.deepEqual(all, { files: 2, filesDone: 1, bytes: 50, bytesDone: 25 });
  assert.deepEqual(studies.get("a"), { files: 1, filesDone: 1, bytes: 10, bytesDone: 10 });
  assert.deepEqual(studies.get("b"), { files: 1, filesDone: 0, bytes: 40, bytesDone: 15 });
});

test("what is on the line counts, but never beyond the whole", () => {
  const tally = makeTally([{ size: 10, study: "a" }]);

  assert.equal(tally.progress(4).bytesDone, 4);
  assert.equal(tally.progress(12).bytesDone, 10);
});

const letters = (path) => createHash("sha256").update(path).digest("hex").slice(0, 16);
const sized = (sizes) => Object.fromEntries(Object.entries(sizes).map(([path, size]) => [letters(path), size]));
const found = (path, size) => ({ source: { path, size } });

async function placesOf(files, { wanted = {}, here = {}, leftOut = [], additions = 0, adding = null, isOpen = false }) {
  const names = ["", ...list(additions).map((index) => `added ${index + 1}/`)];
  const begun = { wanted: sized(wanted), here: sized(here), left_out: leftOut.map(letters), letters: 16, names, adding, is_open: isOpen };
  const places = await makePlacing(begun, sha256)(files);
  return files.map((file) => [places.get(file).path, places.get(file).outside]);
}

test("what is missing belongs to the upload by its path and its size; what has come is not sent again", async () => {
  const files = [found("CD/IMÄ", 10), found("CD/IM2", 11), found("CD/IM3", 12), found("CD/IM4", 13)];

  const places = await placesOf(files, { wanted: { "CD/IMÄ": 10, "CD/IM2": 99 }, here: { "CD/IM3": 12, "CD/IM4": 99 } });

  assert.deepEqual(places.map(([, outside]) => outside), [null, "not_of_this_upload", "already_here", "not_of_this_upload"]);
});

test("of a file that came damaged a copy of any size is wanted", async () => {
  assert.deepEqual(await placesOf([found("IM1", 7)], { wanted: { IM1: null } }), [["IM1", null]]);
});

for (const [isOpen, outside] of [[true, null], [false, "not_of_this_upload"]]) {
  test(`a file that nobody has named is ${isOpen ? "taken while" : "left out when"} the list of files is ${isOpen ? "open" : "complete"}`, async () => {
    assert.deepEqual(await placesOf([found("IM1", 1)], { here: { IM2: 1 }, isOpen }), [["IM1", outside]]);
  });
}

test("what was added before is found again by the name that it was added under", async () => {
  const places = await placesOf([found("IM1", 10)], { here: { IM1: 10 }, wanted: { "added 2/IM1": 10 }, additions: 2 });

  assert.deepEqual(places, [["added 2/IM1", null]]);
});

test("what is added is a file of its own, even where another of its name and size has come", async () => {
  const places = await placesOf([found("IM1", 10), found("IM9", 5)], { here: { IM1: 10 }, additions: 1, adding: "added 1/" });

  assert.deepEqual(places, [["added 1/IM1", null], ["added 1/IM9", null]]);
});

test("who adds files also brings what is missing", async () => {
  assert.deepEqual(await placesOf([found("IM1", 10)], { wanted: { IM1: 10 }, additions: 1, adding: "added 1/" }), [["IM1", null]]);
});

test("a page that is loaded again does not add its files twice", async () => {
  const here = { "added 1/IM1": 10, "added 1/IM2": 11 };

  const places = await placesOf([found("IM1", 10), found("IM2", 99)], { here, additions: 1, adding: "added 1/" });

  assert.deepEqual(places, [["added 1/IM1", "already_here"], ["added 1/IM2", "not_of_this_upload"]]);
});

test("what was left out may be added", async () => {
  const places = await placesOf([found("IM1", 10)], { leftOut: ["added 1/IM1"], additions: 1, adding: "added 1/" });

  assert.deepEqual(places, [["added 1/IM1", null]]);
});

test("what was left out is no part of the upload that is gone on with", async () => {
  assert.deepEqual(await placesOf([found("IM1", 10)], { leftOut: ["IM1"], isOpen: true }), [["IM1", "not_of_this_upload"]]);
});

const digestOfKey = (patient) => createHash("sha256").update(patientKey(patient)).digest("hex");
const ROE = { id: "P2", birthDate: "19800101", name: "ROE^JOHN", shownName: "ROE, JOHN" };

test("a patient is the upload's by the digest of the key", async () => {
  const others = await othersAmong([file({}), file({ patient: ROE })], [digestOfKey(file({}).header.patient)], sha256);

  assert.deepEqual([...others], [patientKey(ROE)]);
});

test("of an upload whose patients are not known nobody is another", async () => {
  const others = await othersAmong([file({ patient: ROE })], [], sha256);

  assert.equal(others.size, 0);
});
