import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { GROUPS } from "../../static/js/reading/left_out.js";
import { USES } from "../../static/js/reading/tree.js";
import * as sentences from "../../static/js/sentences.js";

const source = (name) => readFileSync(new URL(`../../static/js/reading/${name}.js`, import.meta.url), "utf8");

for (const group of [...GROUPS, "not_chosen", "not_of_this_upload", "already_here", "twice"]) {
  test(`the group ${group} has a title for one and for many`, () => {
    assert.match(sentences.groupTitle({ group, count: 1 }), /^1 /);
    assert.match(sentences.groupTitle({ group, count: 1204 }), /^1,204 /);
  });
}

test("every reason that the reader knows has a sentence", () => {
  const named = ["archive", "header", "kinds", "reader", "left_out"].flatMap((name) => [...source(name).matchAll(/"(archive_[a-z_]+|[a-z]+_[a-z_]+)"/g)]);
  const reasons = named.map(([, reason]) => reason).filter((reason) => !/^(head_ct|chest_xray|held_back|viewer_files|other_files)$/.test(reason));
  assert.ok(reasons.length > 15);

  for (const reason of reasons) {
    const [sentence] = sentences.groupReasons({ group: "damaged", reasons: { [reason]: 1 } });
    assert.ok(sentence, reason);
  }
});

test("several reasons of one group are each told with their number", () => {
  const found = sentences.groupReasons({ group: "damaged", reasons: { missing_uid: 2, truncated_pixels: 1 } });

  assert.match(found[0], /^2 files: The file does not say/);
  assert.match(found[1], /^1 file: The image is incomplete/);
});

test("every use and every warning has its words", () => {
  const codes = [...source("preflight").matchAll(/code: "([a-z_]+)"/g)].map(([, code]) => code).filter((code) => code !== "missing_from_disc");
  assert.ok(codes.length >= 5);

  for (const use of USES) assert.ok(sentences.use({ use }), use);
  for (const code of codes) assert.match(sentences.warning({ code, count: 3, years: 18 }), /\.$|\?$/, code);
});

test("a disc says how many images it lists and how many were found", () => {
  assert.equal(sentences.discLacks({ count: 312, missing: [1, 2] }), "The CD lists 312 images, 310 were found.");
});

test("a series with frames is counted in images and in files", () => {
  assert.equal(sentences.amount({ images: 24, count: 24 }), "24 images");
  assert.equal(sentences.amount({ images: 24, count: 1 }), "24 images in 1 file");
  assert.equal(sentences.amount({ images: 0, count: 2 }), "2 files");
});

test("a series' number is a name, not a quantity", () => {
  assert.equal(sentences.seriesName({ number: 20001, modality: "CT", description: "" }), "20001 · CT");
});

const seriesOf = (uid, description) => ({ uid, number: 2, modality: "CT", description });
const patientOf = (shownName, ...studies) => ({ key: shownName, patient: { shownName }, studies });

test("a series whose name another has too is named with its patient and study", () => {
  const tree = [
    patientOf("DOE, JANE", { uid: "1", date: "20240229", description: "HEAD", series: [seriesOf("1.1", "AXIAL"), seriesOf("1.2", "BONE")] }),
    patientOf("ROE, JOHN", { uid: "2", date: "20240229", description: "HEAD", series: [seriesOf("2.1", "AXIAL")] }),
  ];

  const nameOf = sentences.namesOf(tree);

  assert.equal(nameOf("1.1", "DOE, JANE"), "Series 2 · CT · AXIAL (DOE, JANE, 29 Feb 2024 · HEAD)");
  assert.equal(nameOf("2", "ROE, JOHN"), "Study of 29 Feb 2024 · HEAD (ROE, JOHN)");
  assert.equal(nameOf("1.2", "DOE, JANE"), "Series 2 · CT · BONE");
});

test("a study under two patients is named with each of them", () => {
  const study = { uid: "1", date: "20240229", description: "HEAD", series: [] };

  const nameOf = sentences.namesOf([patientOf("DOE, JANE", study), patientOf("ROE, JOHN", study)]);

  assert.equal(nameOf("1", "DOE, JANE"), "Study of 29 Feb 2024 · HEAD (DOE, JANE)");
  assert.equal(nameOf("1", "ROE, JOHN"), "Study of 29 Feb 2024 · HEAD (ROE, JOHN)");
});
