import assert from "node:assert/strict";
import { test } from "node:test";

import { readDicomdir, missingFiles } from "../../static/js/reading/dicomdir.js";
import { leaveOut } from "../../static/js/reading/left_out.js";
import { ageOf, preflight } from "../../static/js/reading/preflight.js";
import { buildTree, inSendingOrder, useOf } from "../../static/js/reading/tree.js";
import { element, joined, part10, sourceOf } from "./dicoms.mjs";

function header({ patient = {}, study = {}, series = {}, instance = {}, ...rest } = {}) {
  return {
    kind: "dicom",
    reason: null,
    unsure: [],
    patient: { id: "P1", birthDate: "19500101", name: "DOE^JANE", shownName: "DOE, JANE", sex: "F", age: "", ...patient },
    study: { uid: "1", date: "20240229", time: "", description: "", accession: "", ...study },
    series: { uid: "1.1", number: 1, modality: "CT", description: "", protocol: "", bodyPart: "HEAD", viewPosition: "", contrast: "", ...series },
    instance: { uid: "1.1.1", kind: "image", number: 1, imageType: [], rows: 512, columns: 512, frames: 1, ...instance },
    ...rest,
  };
}

const file = (changes, path = "IM", size = 10) => ({ source: { path, size }, header: header(changes) });
const stack = (numbers, series = {}, study = {}) =>
  numbers.map((number) => file({ series, study, instance: { number, uid: `${series.uid ?? "1.1"}.${number}` } }, `IM${number}`));
const range = (count) => Array.from({ length: count }, (_, index) => index + 1);
const codes = (files, listed) => preflight(buildTree(files), listed).map(({ code }) => code);
const bad = (kind, reason, path, size = 10) => ({ source: { path, size }, header: { kind, reason } });

test("files become patients, studies and series with counts and bytes", () => {
  const files = [...stack(range(3)), ...stack([1], { uid: "1.2" }), file({ patient: { id: "P2" }, study: { uid: "2" }, series: { uid: "2.1" } })];

  const tree = buildTree([...files, bad("not_dicom", "not_dicom", "viewer.exe")]);

  assert.deepEqual(tree.map(({ count, bytes, studies }) => [count, bytes, studies.length]), [[4, 40, 1], [1, 10, 1]]);
  assert.deepEqual(tree[0].studies[0].series.map(({ uid, count }) => [uid, count]), [["1.1", 3], ["1.2", 1]]);
});

test("a series is in the order of its numbers and its middle is one of them", () => {
  const [{ studies }] = buildTree(stack([5, 1, 3, 2, 4]));

  assert.equal(studies[0].series[0].middle.header.instance.number, 3);
});

test("frames are images and the same image twice is seen", () => {
  const [{ studies }] = buildTree([file({ instance: { frames: 20 } }), file({ instance: { frames: 20 } })]);

  assert.deepEqual([studies[0].series[0].images, studies[0].series[0].repeats], [40, 1]);
});

test("the useful series lead and are sent first", () => {
  const report = file({ series: { uid: "r", modality: "SR" }, instance: { kind: "report" } }, "SR");
  const scout = file({ series: { uid: "s", description: "Scout" } }, "SCOUT");
  const dose = file({ series: { uid: "d", description: "Dose Report" }, instance: { kind: "secondary" } }, "DOSE");
  const head = file({ series: { uid: "h", description: "Head 5mm", number: 9 } }, "HEAD");

  const tree = buildTree([report, dose, scout, head]);

  assert.deepEqual(tree[0].studies[0].series.map(({ use }) => use), ["head_ct", "scout", "secondary", "report"]);
  assert.deepEqual(inSendingOrder(tree), [head, scout, dose, report]);
});

for (const [use, changes] of [
  ["head_ct", { series: { bodyPart: "", description: "AXIAL BRAIN" } }],
  ["head_ct", { series: { bodyPart: "" }, study: { description: "CT Schädel nativ" } }],
  ["image", { series: { bodyPart: "ABDOMEN" } }],
  ["image", { series: { bodyPart: "HEADNECK", description: "CT NECK" } }],
  ["scout", { instance: { imageType: ["ORIGINAL", "PRIMARY", "LOCALIZER"] } }],
  ["scout", { series: { description: "Topogram 0.6" } }],
  ["chest_xray", { series: { modality: "DX", bodyPart: "CHEST" } }],
  ["chest_xray", { series: { modality: "CR", bodyPart: "", description: "TÓRAX PA" } }],
  ["chest_xray", { series: { modality: "CR", bodyPart: "CHEST" }, instance: { kind: "secondary" } }],
  ["image", { series: { modality: "DX", bodyPart: "HAND" } }],
  ["image", { series: { modality: "MR" } }],
  ["document", { instance: { kind: "document" } }],
  ["other", { instance: { kind: "other" } }],
]) {
  test(`${JSON.stringify(changes)} is of use as ${use}`, () => {
    assert.equal(useOf(header(changes)), use);
  });
}

test("what is left out is told in groups with the server's reasons", () => {
  const viewer = ["run.exe", "lib.dll", "index.html"].map((name) => bad("not_dicom", "not_dicom", `CD/${name}`));
  const files = [
    ...stack([1]),
    ...viewer,
    bad("not_dicom", "system_file", "CD/Thumbs.db"),
    bad("dicomdir", "dicomdir", "CD/DICOMDIR"),
    bad("not_dicom", "not_dicom", "CD/photo.jpg"),
    bad("not_dicom", "not_dicom", "CD/README"),
    bad("damaged", "truncated_pixels", "IM9"),
    bad("damaged", "empty", "IM8", 0),
    bad("damaged", "executable_preamble", "IM7"),
    bad("unreadable", "unreadable_source", "IM6"),
    bad("unreadable", "archive_encrypted", "CD.zip/IM5"),
    bad("unreadable", "archive_damaged", "CD.zip"),
    file({}, "large", 1000),
  ];

  const { sent, groups } = leaveOut(files, { largestFile: 100 });

  assert.equal(sent.length, 1);
  assert.deepEqual(Object.fromEntries(groups.map(({ group, count }) => [group, count])), {
    unreadable: 2,
    damaged: 1,
    held_back: 1,
    too_large: 1,
    empty: 1,
    archives: 1,
    dicomdir: 1,
    viewer_files: 4,
    pictures: 1,
    other_files: 1,
  });
  assert.deepEqual(groups.find(({ group }) => group === "viewer_files").reasons, { not_dicom: 3, system_file: 1 });
});

for (const name of ["Befund.pdf", "REPORT.DOCX", "letter.doc", "letter.rtf", "README.TXT"]) {
  test(`${name} is a document, not a part of the viewer`, () => {
    const { groups } = leaveOut([bad("not_dicom", "not_dicom", `CD/${name}`)]);

    assert.deepEqual(groups.map(({ group }) => group), ["documents"]);
  });
}

for (const [leavesOutReports, sent] of [[false, 2], [true, 1]]) {
  test(`a team that ${leavesOutReports ? "leaves out" : "wants"} reports sends ${sent} of two files`, () => {
    const report = file({ series: { modality: "SR" }, instance: { kind: "report" } });

    assert.equal(leaveOut([file(), report], { leavesOutReports }).sent.length, sent);
  });
}

test("a sound head CT of an adult has no warning", () => {
  assert.deepEqual(codes(stack(range(30))), []);
});

for (const [code, files] of [
  ["neither_head_ct_nor_chest_xray", stack(range(30), { bodyPart: "ABDOMEN" })],
  ["contrast", stack(range(30), { contrast: "agent" })],
  ["few_slices", stack(range(5))],
  ["gaps", stack(range(30).filter((number) => number !== 7 && number !== 8))],
]) {
  test(`${code} is said`, () => {
    assert.deepEqual(codes(files), [code]);
  });
}

test("the gap says how many numbers are missing, and where", () => {
  const [warning] = preflight(buildTree(stack(range(30).filter((number) => number !== 7 && number !== 8))));

  assert.deepEqual(warning, { code: "gaps", series_uid: "1.1", count: 2 });
});

test("numbers that count in steps, or start anywhere, have no gaps", () => {
  assert.deepEqual(codes(stack(range(30).map((number) => 100 + number * 2))), []);
});

test("a CT angiogram may have contrast", () => {
  assert.deepEqual(codes(stack(range(30), { contrast: "agent", description: "CTA head" })), []);
});

test("a scout of two images has no warning of its own", () => {
  assert.deepEqual(codes([...stack(range(30)), ...stack([1, 2], { uid: "s", description: "Scout" })]), []);
});

for (const [age, changes, series, isUnder] of [
  ["17 for a head CT", { birthDate: "20060301" }, {}, true],
  ["18 for a head CT", { birthDate: "20060228" }, {}, false],
  ["20 for a chest X-ray", { birthDate: "20040101" }, { modality: "DX", bodyPart: "CHEST" }, true],
  ["22 for a chest X-ray", { birthDate: "20020101" }, { modality: "DX", bodyPart: "CHEST" }, false],
  ["8 months, written", { birthDate: "", age: "008M" }, {}, true],
  ["40 years, written", { birthDate: "", age: "040Y" }, {}, false],
  ["unknown", { birthDate: "", age: "" }, {}, false],
]) {
  test(`an age of ${age} is ${isUnder ? "" : "not "}under age`, () => {
    const files = range(30).map((number) => file({ patient: changes, series, instance: { number, uid: `${number}` } }));

    assert.equal(codes(files).includes("under_age"), isUnder);
  });
}

test("an age counts whole years until the birthday", () => {
  assert.equal(ageOf(header({ patient: { birthDate: "20000301" }, study: { date: "20240229" } })), 23);
});

test("images that the CD lists and the drop lacks are said", () => {
  assert.deepEqual(codes(stack(range(30)), { missing: 2 }), ["missing_from_disc"]);
});

const record = (type, path, uid) => {
  const content = joined([element(0x00041430, "CS", type), ...(path ? [element(0x00041500, "CS", path)] : []), element(0x00041511, "UI", uid)]);
  const head = new DataView(new ArrayBuffer(8));
  head.setUint16(0, 0xfffe, true);
  head.setUint16(2, 0xe000, true);
  head.setUint32(4, content.length, true);
  return joined([new Uint8Array(head.buffer), content]);
};
const dicomdir = (records) => sourceOf("CD/DICOMDIR", part10(element(0x00041220, "SQ", joined(records))));

test("a DICOMDIR lists its files and those that are missing are found by path and UID", async () => {
  const records = [record("PATIENT", "", "1"), record("IMAGE", "DICOM\\IM1", "1.1"), record("IMAGE", "DICOM\\IM2", "1.2")];
  const more = [record("IMAGE", "DICOM\\IM3", "1.3"), record("SR DOCUMENT", "DICOM\\SR1", "1.4")];
  const found = [
    { source: { path: "CD/dicom/im1.;1" }, header: {} },
    { source: { path: "elsewhere" }, header: { instance: { uid: "1.2" } } },
  ];

  const { files, isWhole } = await readDicomdir(dicomdir([...records, ...more]));

  assert.equal(isWhole, true);
  assert.deepEqual(files.map(({ path }) => path), ["DICOM/IM1", "DICOM/IM2", "DICOM/IM3", "DICOM/SR1"]);
  assert.deepEqual(missingFiles(files, "CD/DICOMDIR", found).map(({ path }) => path), ["DICOM/IM3"]);
});

for (const [name, bytes] of [
  ["cut off", part10(element(0x00041220, "SQ", record("IMAGE", "IM1", "1"))).slice(0, -5)],
  ["rubbish", new Uint8Array(1000).fill(7)],
  ["empty", new Uint8Array(0)],
]) {
  test(`a DICOMDIR that is ${name} lists nothing for sure`, async () => {
    const { isWhole } = await readDicomdir(sourceOf("DICOMDIR", bytes));

    assert.equal(isWhole, false);
  });
}
