/** What will be sent, what will not and why, what has to be decided first. Pure. */

import { missingFiles } from "./reading/dicomdir.js";
import { chosen, confirmed, keyOf, questions } from "./reading/identity.js";
import { leaveOut } from "./reading/left_out.js";
import { preflight } from "./reading/preflight.js";
import { buildTree, groups as grouped, inSendingOrder } from "./reading/tree.js";

export const NOBODY = "nobody"; // the answer "none of these"
const WHICH_PATIENTS = ["several_patients", "other_patient"];
const IMAGE = "IMAGE";
const MOST_LEFT_OUT = 10_000; // that are named to the server; the others are counted
const LONGEST_PATH = 4096; // characters
const OUTSIDE = ["already_here", "not_of_this_upload", "twice"]; // groups that are not told to the server

/**
 * @param {{files, discs}} selection
 * @param {object} rules `{ largestFile, leavesOutReports, places, others, names }`, the last three when an upload is gone on with:
 *   see resumed.js; `others` are keys of patients whom it does not have, `names` says whom it has
 * @returns {object} `sendable` files, `tree` of them, those that are `here` already, `groups` left out, `questions` (each with an `id`), `discs` that lack
 *   images ({ path, count, missing })
 */
export function examineSelection({ files, discs }, rules) {
  const placed = rules.places ? files.map((file) => ({ ...file, ...rules.places.get(file) })) : files;
  const { sent: all, groups } = leaveOut(placed, rules);
  const sent = markTwice(all);
  const sendable = sent.filter(({ outside }) => !outside);
  const others = (name) => group(name, sent.filter(({ outside }) => outside === name));
  return {
    sendable,
    here: sent.filter(({ outside }) => outside === "already_here"),
    tree: buildTree(sendable),
    groups: [...groups, ...OUTSIDE.flatMap(others)],
    questions: questions(sendable, rules.others).map((question) => ({ ...question, id: idOf(question) })),
    others: rules.others,
    names: rules.names ?? [],
    discs: discs.map((disc) => lackOf(disc, files)).filter(({ missing }) => missing.length > 0),
  };
}

/**
 * @param {object} review of `examineSelection`
 * @param {Map<string, Set<string>>} answers a question's id -> keys of the patients to send, or `NOBODY`
 * @returns {object} `chosen` files in the order of sending and their `bytes`, what is `here` already, `open` questions, `groups` left out,
 *   `warnings` for the manifest, each with the `patient` whose key it is about, `canSend`
 */
export function decide(review, answers) {
  const sending = chosen(review.sendable, spoken(review.questions, answers), review.others);
  const kept = new Set(sending);
  const open = review.questions.filter((question) => !isAnswered(question, review.questions, answers));
  const declined = open.length > 0 ? [] : review.sendable.filter((file) => !kept.has(file));
  const tree = buildTree(sending);
  return {
    chosen: inSendingOrder(tree),
    here: review.here,
    bytes: bytesOf(sending),
    open,
    groups: [...group("not_chosen", declined), ...review.groups],
    warnings: warningsOf(sending.length > 0 ? sending : review.sendable, review),
    canSend: open.length === 0 && sending.length > 0,
  };
}

/** Of the files and what of their series is here already: half a series looks as if the other half were missing. */
function warningsOf(files, { here, discs }) {
  const nameOf = (patient, uid) => JSON.stringify([patient, uid]);
  const spoken = new Set(files.flatMap((file) => [file.header.study.uid, file.header.series.uid].map((uid) => nameOf(keyOf(file), uid))));
  const tree = buildTree([...files, ...here]);
  const warnings = tree.flatMap((patient) => preflight([patient]).map((warning) => ({ ...warning, patient: patient.key })));
  const missing = discs.reduce((sum, disc) => sum + disc.missing.length, 0);
  return [...warnings.filter(({ patient, series_uid: series, study_uid: study }) => spoken.has(nameOf(patient, series ?? study))), ...preflight([], { missing })];
}

/** The patients of a question about one series or study that are sent at all. */
export function patientsAskedFor(question, questions, answers) {
  const which = questions.find(asksWhich);
  const wanted = answers.get(which.id) ?? new Set();
  return asksWhich(question) ? question.patients : question.patients.filter(({ key }) => wanted.has(key));
}

/** What goes to the server: the files, what is said about them, and what is left out. */
export function manifestOf({ chosen: files, here, warnings, groups }) {
  const entries = files.map(({ source, header, path }) => ({ path: path ?? source.path, size: source.size, source, study: header.study.uid }));
  const studies = [...new Set(entries.map(({ study }) => study))];
  const { named, unlisted } = leftOutOf(groups);
  const series = seriesOf([...files, ...here]);
  const told = warnings.map(({ patient, ...warning }) => warning);
  return { files: entries, details: { confirmed: confirmed(files), warnings: told, studies, series, left_out: named }, unlisted };
}

/** How many files of each series were chosen: with those that are here, of an upload that is gone on with. */
function seriesOf(files) {
  const series = grouped(files, ({ header }) => JSON.stringify([header.study.uid, header.series.uid])).map(([, own]) => own);
  return series.map((own) => ({ study_uid: own[0].header.study.uid, series_uid: own[0].header.series.uid, count: own.length }));
}

/** What somebody may have to act on comes first: of a disc with a million other files not all can be named. */
function leftOutOf(groups) {
  const told = groups.filter((one) => !OUTSIDE.includes(one.group) && one.group !== "not_chosen");
  const all = [...told, ...groups.filter((one) => one.group === "not_chosen")].flatMap((one) => one.files.map((file) => lineOf(one.group, file)));
  const named = all.filter(({ path }) => path !== "").slice(0, MOST_LEFT_OUT);
  return { named, unlisted: all.length - named.length };
}

function lineOf(name, { source, path, reason }) {
  return { path: (path ?? source.path).slice(0, LONGEST_PATH), size: source.size, reason: codeOf(name, reason) };
}

function codeOf(name, reason) {
  if (name === "not_chosen") return name;
  return name === "archives" && reason === "not_dicom" ? "archive_unsupported" : reason;
}

/** A question asked anew of other patients is another question: an answer never covers a patient who came later. */
function idOf({ code, seriesUid, studyUid, patients }) {
  return [code, seriesUid ?? studyUid ?? "", ...patients.map(({ key }) => key).sort()].join("\n");
}

/** Whether a question is about which patients are sent at all. */
export function asksWhich({ code }) {
  return WHICH_PATIENTS.includes(code);
}

/** About a series of which nobody's images are sent anyway there is nothing to answer. */
function isAnswered(question, questions, answers) {
  const asked = patientsAskedFor(question, questions, answers);
  if (!asksWhich(question) && asked.length === 0) return true;
  const given = answers.get(question.id) ?? new Set();
  return given.has(NOBODY) || asked.some(({ key }) => given.has(key));
}

function spoken(asked, answers) {
  const given = (code, uidOf) => {
    const own = asked.filter((question) => question.code === code);
    return new Map(own.map((question) => [uidOf(question), answers.get(question.id) ?? new Set()]));
  };
  return {
    patients: answers.get(asked.find(asksWhich)?.id) ?? new Set(),
    series: given("series_of_two_patients", ({ seriesUid }) => seriesUid),
    studies: given("study_of_two_patients", ({ studyUid }) => studyUid),
  };
}

/** The same folder twice: the same path, size and UID, of the same patient. Anything less may be another image. */
function markTwice(files) {
  const seen = new Set();
  return files.map((file) => {
    const { source, header } = file;
    const name = JSON.stringify([source.dropped ?? source.path, source.size, header.instance.uid, header.series.uid, header.study.uid, keyOf(file)]);
    if (seen.has(name)) return { ...file, outside: "twice" };
    seen.add(name);
    return file;
  });
}

function lackOf({ path, listed }, files) {
  const images = listed.filter(({ type }) => type === IMAGE);
  return { path, count: images.length, missing: missingFiles(listed, path, files) };
}

function group(name, files) {
  return files.length === 0 ? [] : [{ group: name, reasons: {}, count: files.length, bytes: bytesOf(files), files }];
}

function bytesOf(files) {
  return files.reduce((sum, { source }) => sum + source.size, 0);
}
