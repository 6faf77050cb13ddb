/** Puts files into patients, studies and series, the useful ones first. Pure. */

import { keyOf } from "./identity.js";

/** From the most useful to the AI to the least. */
export const USES = ["head_ct", "chest_xray", "image", "scout", "secondary", "report", "document", "other"];

const XRAYS = new Set(["CR", "DX", "DR", "RG"]);
const HEAD = /HEAD|BRAIN|SKULL|CRANI|CEREB|NEURO|KOPF|SCHAEDEL|SCHADEL|HIRN|CABEZA|CRANEO|CEREBRO|TETE|CRANE|TESTA|ENCEF|\bNCCT\b|\bCTH\b/;
const NOT_HEAD = /NECK|CHEST|THORAX|ABDO|PELVI|SPINE|SINUS|FEMORAL HEAD|HUMERAL HEAD/;
const CHEST = /CHEST|THORA|TORAX|LUNG|PULMO|POUMON|PECHO|\bCXR\b|\bRX TX\b/;
const SCOUT = /SCOUT|TOPO|LOCALI[SZ]|SURVIEW|SCANOGRAM|PILOT|SCANO\b/;
const DOSE = /DOSE|EXAM PROTOCOL|PATIENT PROTOCOL/;

/** Whether a file is one that is sent if the person says so. */
export function isSendable({ header }) {
  return header.kind === "dicom" || header.kind === "headerless";
}

/**
 * @param {Array<{source, header}>} files of any kind; only those that can be sent are taken
 * @returns {Array<object>} patients `{ key, patient, studies, count, bytes }`, their studies `{ uid, date, time, description,
 *   accession, series, count, bytes }` and series `{ uid, number, modality, description, bodyPart, contrast, use, files,
 *   middle, count, images, bytes, repeats, isUnsure }`. A series of two patients stands under each with that one's files.
 */
export function buildTree(files) {
  const patients = groups(files.filter(isSendable), keyOf).map(([key, own]) => patientOf(key, own));
  return patients.sort((one, other) => rank(one.studies[0]) - rank(other.studies[0]));
}

/** All files of a tree in the order in which they should leave: useful series first, each in its own order. */
export function inSendingOrder(tree) {
  const series = tree.flatMap(({ studies }) => studies.flatMap((study) => study.series));
  return [...series].sort((one, other) => USES.indexOf(one.use) - USES.indexOf(other.use)).flatMap(({ files }) => files);
}

function patientOf(key, files) {
  const studies = groups(files, ({ header }) => header.study.uid).map(([, own]) => studyOf(own));
  studies.sort((one, other) => rank(one) - rank(other) || compare(other.date + other.time, one.date + one.time));
  return { key, patient: files[0].header.patient, studies, ...totals(files) };
}

function studyOf(files) {
  const series = groups(files, ({ header }) => header.series.uid).map(([, own]) => seriesOf(own));
  series.sort((one, other) => USES.indexOf(one.use) - USES.indexOf(other.use) || (one.number ?? Infinity) - (other.number ?? Infinity) || 0);
  return { ...files[0].header.study, series, ...totals(files) };
}

function seriesOf(unsorted) {
  const files = [...unsorted].sort(byInstance);
  const middle = files[Math.floor((files.length - 1) / 2)];
  const { series, instance } = middle.header;
  return {
    ...series,
    contrast: files.find(({ header }) => header.series.contrast)?.header.series.contrast ?? "",
    use: useOf(middle.header),
    kind: instance.kind,
    files,
    middle,
    images: files.reduce((sum, { header }) => sum + (header.instance.rows > 0 ? header.instance.frames : 0), 0),
    repeats: files.length - new Set(files.map(({ header }) => header.instance.uid)).size,
    isUnsure: files.some(({ header }) => header.unsure.length > 0),
    ...totals(files),
  };
}

/** What a series is good for, by its class, modality and words. */
export function useOf({ study, series, instance }) {
  const words = plain(`${series.bodyPart} ${series.description} ${series.protocol}`);
  const wider = plain(`${words} ${study.description}`);
  if (instance.kind === "report" || series.modality === "SR") return "report";
  if (instance.kind !== "image" && instance.kind !== "secondary") return instance.kind;
  if (instance.imageType.includes("LOCALIZER") || (series.modality === "CT" && SCOUT.test(words))) return "scout";
  if (instance.kind === "secondary" || DOSE.test(words)) return isPlainXray(series, instance, wider) ? "chest_xray" : "secondary";
  if (series.modality === "CT" && HEAD.test(wider) && !NOT_HEAD.test(words)) return "head_ct";
  return isPlainXray(series, instance, wider) ? "chest_xray" : "image";
}

function isPlainXray({ modality, description }, { kind }, words) {
  return XRAYS.has(modality) && CHEST.test(words) && !(kind === "secondary" && DOSE.test(plain(description)));
}

function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toUpperCase().replaceAll("_", " ");
}

function rank({ series }) {
  return USES.indexOf(series[0].use);
}

function totals(files) {
  return { count: files.length, bytes: files.reduce((sum, { source }) => sum + source.size, 0) };
}

function byInstance(one, other) {
  const [a, b] = [one.header.instance.number ?? Infinity, other.header.instance.number ?? Infinity];
  return a === b ? compare(one.source.path, other.source.path) : a - b;
}

function compare(one, other) {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** The files by a key of theirs, in the order in which the keys come: `[key, files]` of each. */
export function groups(files, keyOfFile) {
  const found = new Map();
  for (const file of files) {
    const key = keyOfFile(file);
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(file);
  }
  return [...found];
}
