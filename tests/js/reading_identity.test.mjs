import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { chosen, confirmed, patientKey, questions } from "../../static/js/reading/identity.js";

const CASES = JSON.parse(readFileSync(new URL("../identity_cases.json", import.meta.url), "utf8"));
const JANE = { id: "P1", birthDate: "19700101", name: "DOE^JANE", shownName: "DOE, JANE", sex: "F" };
const JOHN = { id: "P2", birthDate: "19800101", name: "ROE^JOHN", shownName: "ROE, JOHN", sex: "M" };

function file(patient, study = "1", series = "1.1") {
  return { source: { path: "IM", size: 10 }, header: { kind: "dicom", patient, study: { uid: study }, series: { uid: series } } };
}

const answers = (patients, series = [], studies = []) => ({
  patients: new Set(patients.map(patientKey)),
  series: new Map(series.map(([uid, own]) => [uid, new Set(own.map(patientKey))])),
  studies: new Map(studies.map(([uid, own]) => [uid, new Set(own.map(patientKey))])),
});

CASES.forEach(({ a, b, same }, index) => {
  test(`case ${index}: ${JSON.stringify(a)} and ${JSON.stringify(b)} are ${same ? "the same" : "two patients"}`, () => {
    assert.equal(patientKey(a) === patientKey(b), same);
  });
});

test("one patient raises no question, whatever the spellings", () => {
  assert.deepEqual(questions([file(JANE), file({ ...JANE, name: "DOE^JANE^M" })]), []);
});

test("two patients in two studies: which of them to send", () => {
  const asked = questions([file(JANE), file(JANE), file(JOHN, "2", "2.1")]);

  assert.deepEqual(asked.map(({ code }) => code), ["several_patients"]);
  assert.deepEqual(asked[0].patients.map(({ name, count, bytes }) => [name, count, bytes]), [["DOE, JANE", 2, 20], ["ROE, JOHN", 1, 10]]);
});

test("one series with two patients is asked about, and its study not again", () => {
  const asked = questions([file(JANE), file(JOHN)]);

  assert.deepEqual(asked.map(({ code }) => code), ["several_patients", "series_of_two_patients"]);
  assert.deepEqual([asked[1].studyUid, asked[1].seriesUid], ["1", "1.1"]);
});

test("one study under two IDs is asked about", () => {
  const asked = questions([file(JANE, "1", "1.1"), file(JOHN, "1", "1.2")]);

  assert.deepEqual(asked.map(({ code }) => code), ["several_patients", "study_of_two_patients"]);
});

test("one patient who is not the upload's is asked about, and nothing goes before", () => {
  const others = new Set([patientKey(JOHN)]);

  const asked = questions([file(JOHN)], others);

  assert.deepEqual(asked.map(({ code, patients }) => [code, patients.map(({ name }) => name)]), [["other_patient", ["ROE, JOHN"]]]);
  assert.deepEqual(chosen([file(JOHN)], answers([]), others), []);
  assert.equal(chosen([file(JOHN)], answers([JOHN]), others).length, 1);
});

test("the upload's own patient is not asked about", () => {
  assert.deepEqual(questions([file(JANE)], new Set([patientKey(JOHN)])), []);
});

test("of several patients those are marked who are not the upload's", () => {
  const asked = questions([file(JANE), file(JOHN, "2", "2.1")], new Set([patientKey(JOHN)]));

  assert.deepEqual(asked[0].patients.map(({ name, isOther }) => [name, isOther]), [["DOE, JANE", false], ["ROE, JOHN", true]]);
});

test("without a question all files go", () => {
  assert.equal(chosen([file(JANE)], answers([])).length, 1);
});

test("only the files of a chosen patient go", () => {
  const files = [file(JANE), file(JOHN, "2", "2.1")];

  assert.deepEqual(chosen(files, answers([JOHN])), [files[1]]);
});

test("nothing of a mixed series goes before somebody says so", () => {
  const files = [file(JANE), file(JOHN), file(JANE, "1", "1.2")];

  assert.deepEqual(chosen(files, answers([JANE, JOHN])), [files[2]]);
  assert.deepEqual(chosen(files, answers([JANE, JOHN], [["1.1", [JANE]]])), [files[0], files[2]]);
});

test("nothing of a study under two IDs goes before somebody says so", () => {
  const files = [file(JANE, "1", "1.1"), file(JOHN, "1", "1.2")];

  assert.deepEqual(chosen(files, answers([JANE, JOHN])), []);
  assert.deepEqual(chosen(files, answers([JANE, JOHN], [], [["1", [JANE, JOHN]]])), files);
});

test("a series may not bring in a patient who was not chosen", () => {
  assert.deepEqual(chosen([file(JANE), file(JOHN)], answers([JANE], [["1.1", [JANE, JOHN]]])).length, 1);
});

test("what was confirmed is said once a patient, as the server wants it", () => {
  const files = [file(JANE), file({ ...JANE, name: "DOE^JANE^M" }), file(JOHN, "2", "2.1")];

  assert.deepEqual(confirmed(files), [
    { id: "P1", birth_date: "19700101", name: "DOE^JANE" },
    { id: "P2", birth_date: "19800101", name: "ROE^JOHN" },
  ]);
});
