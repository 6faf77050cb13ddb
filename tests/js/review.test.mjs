import assert from "node:assert/strict";
import { test } from "node:test";

import { NOBODY, decide, examineSelection, manifestOf } from "../../static/js/review.js";
import { file, left } from "./headers.mjs";

const RULES = { largestFile: 1000, leavesOutReports: false };
const JANE = {};
const JOHN = { patient: { id: "P2", name: "ROE^JOHN", shownName: "ROE, JOHN" } };

const review = (files, { discs = [], rules = RULES } = {}) => examineSelection({ files, discs }, rules);
const paths = (files) => files.map(({ source }) => source.path).sort();
const questionOf = ({ questions }, code) => questions.find((question) => question.code === code);

function keyOf({ questions }, id) {
  return questions[0].patients.find((patient) => patient.id === id).key;
}

function groupsOf({ groups }) {
  return Object.fromEntries(groups.map(({ group, count }) => [group, count]));
}

const two = () => review([file(JANE, "J1"), file({ ...JOHN, study: { uid: "2" }, series: { uid: "2.1" } }, "R1")]);

test("images of one patient can be sent without a question", () => {
  const found = review([file(JANE, "IM1"), left("not_dicom", "not_dicom", "viewer.exe")]);

  const { canSend, open, chosen } = decide(found, new Map());

  assert.equal(canSend, true);
  assert.deepEqual(open, []);
  assert.deepEqual(paths(chosen), ["IM1"]);
});

test("of two patients nothing is sent before one is chosen", () => {
  const { canSend, open, chosen, groups } = decide(two(), new Map());

  assert.deepEqual([canSend, open.length, chosen], [false, 1, []]);
  assert.deepEqual(groupsOf({ groups }), {});
});

test("only the chosen patient's images are sent, and the others are named", () => {
  const found = two();
  const answers = new Map([[found.questions[0].id, new Set([keyOf(found, "P2")])]]);

  const decision = decide(found, answers);

  assert.equal(decision.canSend, true);
  assert.deepEqual(paths(decision.chosen), ["R1"]);
  assert.deepEqual(groupsOf(decision), { not_chosen: 1 });
});

test("images of a patient whom the upload does not have are added only when somebody says so", () => {
  const files = [file(JANE, "J1")];
  const rules = { ...RULES, others: new Set(review(files).tree.map(({ key }) => key)) };
  const found = review(files, { rules });
  const [question] = found.questions;

  const [before, after] = [new Map(), new Map([[question.id, new Set([question.patients[0].key])]])].map((given) => decide(found, given));

  assert.deepEqual([question.code, before.canSend, before.open.length, paths(before.chosen)], ["other_patient", false, 1, []]);
  assert.deepEqual([after.canSend, paths(after.chosen)], [true, ["J1"]]);
});

test("an answer that was taken back is none", () => {
  const found = two();

  const { canSend, open } = decide(found, new Map([[found.questions[0].id, new Set()]]));

  assert.deepEqual([canSend, open.length], [false, 1]);
});

test("a patient who comes with a later drop is asked about anew", () => {
  const before = two();
  const answers = new Map([[before.questions[0].id, new Set([keyOf(before, "P1")])]]);
  const after = review([...before.sendable, file({ patient: { id: "P3" }, study: { uid: "3" }, series: { uid: "3.1" } })]);

  const { open } = decide(after, answers);

  assert.equal(open.length, 1);
});

const mixed = () => review([file(JANE, "J1"), file(JANE, "J2"), file(JOHN, "R1")]);

test("a series of two patients needs an answer of its own", () => {
  const found = mixed();
  const answers = new Map([[found.questions[0].id, new Set([keyOf(found, "P1")])]]);

  const before = decide(found, answers);
  answers.set(questionOf(found, "series_of_two_patients").id, new Set([keyOf(found, "P1")]));
  const after = decide(found, answers);

  assert.deepEqual([before.canSend, before.open.length], [false, 1]);
  assert.equal(after.canSend, true);
  assert.deepEqual(paths(after.chosen), ["J1", "J2"]);
});

test("none of a series is an answer too", () => {
  const found = review([...mixed().sendable, file({ series: { uid: "1.2" } }, "J9")]);
  const answers = new Map([[found.questions[0].id, new Set([keyOf(found, "P1")])]]);
  answers.set(questionOf(found, "series_of_two_patients").id, new Set([NOBODY]));

  const decision = decide(found, answers);

  assert.equal(decision.canSend, true);
  assert.deepEqual(paths(decision.chosen), ["J9"]);
  assert.deepEqual(groupsOf(decision), { not_chosen: 3 });
});

test("a series whose patients are not sent anyway is not asked about", () => {
  const third = { patient: { id: "P3" }, study: { uid: "3" }, series: { uid: "3.1" } };
  const found = review([...mixed().sendable, file(third, "T1")]);
  const answers = new Map([[found.questions[0].id, new Set([keyOf(found, "P3")])]]);

  const decision = decide(found, answers);

  assert.equal(decision.canSend, true);
  assert.deepEqual(paths(decision.chosen), ["T1"]);
});

test("a study under two patients needs an answer of its own", () => {
  const found = review([file(JANE, "J1"), file({ ...JOHN, series: { uid: "1.2" } }, "R1")]);
  const both = new Set(found.questions[0].patients.map(({ key }) => key));
  const answers = new Map([[found.questions[0].id, both]]);

  const before = decide(found, answers);
  answers.set(questionOf(found, "study_of_two_patients").id, both);

  assert.equal(before.canSend, false);
  assert.deepEqual(paths(decide(found, answers).chosen), ["J1", "R1"]);
});

test("files go in the order of their use: a head CT before its scout and its report", () => {
  const scout = file({ series: { uid: "1.2", description: "Scout" } }, "SCOUT");
  const report = file({ series: { uid: "1.3", modality: "SR" }, instance: { kind: "report", rows: 0 } }, "REPORT");
  const head = file({}, "HEAD");

  const { chosen } = decide(review([report, scout, head]), new Map());

  assert.deepEqual(chosen.map(({ source }) => source.path), ["HEAD", "SCOUT", "REPORT"]);
});

test("an upload that is gone on with takes what it lacks only, by the names that it knows", () => {
  const lacking = file({}, "IM1");
  const other = file({ instance: { uid: "9" } }, "OTHER");
  const arrived = file({ instance: { uid: "8" } }, "IM2");
  const places = new Map([
    [lacking, { path: "added 1/IM1", outside: null }],
    [other, { path: "OTHER", outside: "not_of_this_upload" }],
    [arrived, { path: "IM2", outside: "already_here" }],
  ]);

  const decision = decide(review([lacking, other, arrived], { rules: { ...RULES, places } }), new Map());

  const { files, details } = manifestOf(decision);
  assert.deepEqual(files.map(({ path }) => path), ["added 1/IM1"]);
  assert.deepEqual(details.series, [{ study_uid: "1", series_uid: "1.1", count: 2 }]);
  assert.deepEqual(groupsOf(decision), { already_here: 1, not_of_this_upload: 1 });
});

test("images that a CD lists and the drop lacks are counted and warned of", () => {
  const image = (path) => ({ type: "IMAGE", path, instanceUid: `uid of ${path}` });
  const disc = { path: "CD/DICOMDIR", listed: [image("IM1"), image("IM2"), { type: "SR DOCUMENT", path: "SR1", instanceUid: "" }] };

  const found = review([file({}, "CD/IM1")], { discs: [disc] });
  const { warnings } = decide(found, new Map());

  assert.deepEqual(found.discs.map(({ count, missing }) => [count, missing.length]), [[2, 1]]);
  assert.ok(warnings.some(({ code, count }) => code === "missing_from_disc" && count === 1));
});

test("warnings speak of what is sent, not of what was left out", () => {
  const knee = { ...JOHN, study: { uid: "2" }, series: { uid: "2.1", bodyPart: "KNEE" } };
  const found = review([file(JANE, "J1"), file(knee, "R1")]);
  const answers = new Map([[found.questions[0].id, new Set([keyOf(found, "P1")])]]);

  const { warnings } = decide(found, answers);

  assert.equal(warnings.some(({ study_uid: uid }) => uid === "2"), false);
});

const stack = (...numbers) => numbers.map((number) => file({ instance: { uid: `1.1.${number}`, number } }, `IM${number}`));
const here = (files) => new Map(files.map((one) => [one, { path: one.source.path, outside: "already_here" }]));
const codesOf = ({ warnings }) => warnings.map(({ code }) => code);

test("a series of which most is here already is not said to have gaps, or too few images", () => {
  const arrived = stack(2, 3, 5, 6, 7, 8, 9, 10, 12);
  const files = [...stack(1, 4, 11), ...arrived];
  const places = new Map([...files.map((one) => [one, { path: one.source.path, outside: null }]), ...here(arrived)]);

  const decision = decide(review(files, { rules: { ...RULES, places } }), new Map());

  assert.equal(decision.chosen.length, 3);
  assert.deepEqual(codesOf(decision), []);
});

test("what is here already is not warned of a second time", () => {
  const knee = file({ study: { uid: "2" }, series: { uid: "2.1", bodyPart: "KNEE" } }, "KNEE");
  const files = [...stack(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), knee];
  const places = new Map([...files.map((one) => [one, { path: one.source.path, outside: null }]), ...here([knee])]);

  assert.deepEqual(codesOf(decide(review(files, { rules: { ...RULES, places } }), new Map())), []);
});

const again = (one, copy = 2) => ({ ...one, source: { ...one.source, path: `copy ${copy}/${one.source.path}`, dropped: one.source.path } });

test("the same folder dropped twice is sent once", () => {
  const files = stack(1, 2, 3);

  const decision = decide(review([...files, ...files.map((one) => again(one))]), new Map());

  assert.deepEqual(paths(decision.chosen), ["IM1", "IM2", "IM3"]);
  assert.deepEqual(groupsOf(decision), { twice: 3 });
  assert.deepEqual(manifestOf(decision).details.left_out, []);
});

for (const [what, other] of [
  ["another size", again(file(JANE, "IM1", 11))],
  ["another UID", again(file({ instance: { uid: "9" } }, "IM1"))],
  ["another patient", again(file(JOHN, "IM1"))],
  ["another path", file(JANE, "IM2")],
]) {
  test(`a file of ${what} is never taken for one that is there twice`, () => {
    const found = review([file(JANE, "IM1"), other]);

    assert.equal(found.sendable.length, 2);
    assert.deepEqual(groupsOf(found), {});
  });
}

test("a warning of one patient's study names that patient, in a study of two", () => {
  const knee = (patient) => file({ patient, series: { uid: patient.id, bodyPart: "KNEE" } }, patient.id);
  const found = review([knee({ id: "P1" }), knee({ id: "P2" })]);

  const { warnings } = decide(found, new Map());

  assert.deepEqual(warnings.map(({ patient }) => patient), found.tree.map(({ key }) => key));
  assert.deepEqual(manifestOf({ chosen: [], here: [], warnings, groups: [] }).details.warnings, [
    { code: "neither_head_ct_nor_chest_xray", study_uid: "1" },
    { code: "neither_head_ct_nor_chest_xray", study_uid: "1" },
  ]);
});

test("the manifest says which files, which patients and which studies", () => {
  const decision = decide(review([file({}, "IM1"), file({ study: { uid: "2" }, series: { uid: "2.1" } }, "IM2")]), new Map());

  const { files, details } = manifestOf(decision);

  assert.deepEqual(files.map(({ path, size, study }) => [path, size, study]).sort(), [["IM1", 10, "1"], ["IM2", 10, "2"]]);
  assert.deepEqual(details.confirmed, [{ id: "P1", birth_date: "19500101", name: "DOE^JANE" }]);
  assert.deepEqual([...details.studies].sort(), ["1", "2"]);
  assert.deepEqual(details.series.map(({ series_uid: uid, count }) => [uid, count]).sort(), [["1.1", 1], ["2.1", 1]]);
  assert.ok(details.warnings.length > 0);
});

test("what is left out is told with its reason, but not what is no part of the upload", () => {
  const other = file(JANE, "other");
  const damaged = left("damaged", "truncated_pixels", "IM2", 7);
  const files = [file(JANE, "IM1"), other, left("not_dicom", "not_dicom", "CD/viewer.exe", 5), left("not_dicom", "not_dicom", "CD/images.rar", 6), damaged];
  const places = new Map([[other, { path: "other", outside: "already_here" }], [damaged, { path: "added 1/IM2", outside: null }]]);
  const found = review(files, { rules: { ...RULES, places } });

  const { details, unlisted } = manifestOf(decide(found, new Map()));

  assert.deepEqual(details.left_out, [
    { path: "added 1/IM2", size: 7, reason: "truncated_pixels" },
    { path: "CD/images.rar", size: 6, reason: "archive_unsupported" },
    { path: "CD/viewer.exe", size: 5, reason: "not_dicom" },
  ]);
  assert.equal(unlisted, 0);
});

test("images of a patient who was not chosen are told as such", () => {
  const found = two();
  const answers = new Map([[found.questions[0].id, new Set([keyOf(found, "P2")])]]);

  const { details } = manifestOf(decide(found, answers));

  assert.deepEqual(details.left_out, [{ path: "J1", size: 10, reason: "not_chosen" }]);
});

test("of a million other files the damaged ones are named, and the rest is counted", () => {
  const junk = Array.from({ length: 20_000 }, (_, index) => left("not_dicom", "not_dicom", `CD/${index}.dll`));

  const { details, unlisted } = manifestOf(decide(review([file(JANE, "IM1"), ...junk, left("damaged", "missing_uid", "IM2")]), new Map()));

  assert.equal(details.left_out.length, 10_000);
  assert.equal(details.left_out[0].path, "IM2");
  assert.equal(unlisted, 10_001);
});
