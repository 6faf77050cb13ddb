/** What will be sent and what will not, as it is shown before sending: patients, studies, series, and the rest in groups. */

import { appendCapped, byId, element, icon, show } from "./dom.js";
import { ageOf } from "./reading/preflight.js";
import { patientsOf } from "./reading/identity.js";
import * as sentences from "./sentences.js";
import { gettext, ngettext } from "./translating.js";
import * as words from "./words.js";

const PATIENTS = 10; // shown at once, and so on
const STUDIES = 10;
const SERIES = 25;
const PATHS = 50;
const ABOUTS = 3;
const OF_PATIENT = new Set(["name", "id"]);
const OPENED = 3; // paths of a problem that are shown without a click

/** @param {object} review of `examineSelection`; `pictureOf(series)` promises `{ width, height, data }` or null */
export function showTree(review, pictureOf) {
  const spellings = new Map(patientsOf(review.sendable).map((patient) => [patient.key, patient.spellings]));
  const list = element("div", "patients");
  const draw = (patient) => patientBlock(patient, spellings.get(patient.key), pictureOf);
  byId("patients").replaceChildren(...appendCapped(list, review.tree, draw, PATIENTS, "patients"));
}

/** Everything that an answer changes, but the button: `showSend`. */
export function showDecision(review, decision) {
  const { chosen, bytes, open } = decision;
  byId("review-title").textContent = title(review, decision);
  byId("review-patients").textContent = words.number(review.tree.length);
  byId("review-files").textContent = words.number(chosen.length);
  byId("review-size").textContent = words.size(bytes);
  markPatients(new Set(chosen.map(({ key }) => key)), review, open);
  showWarnings(review, decision);
  const wasOpen = openStates("left-out");
  const groups = decision.groups.map((group) => groupBlock(group, wasOpen));
  byId("left-out").replaceChildren(...(groups.length > 0 ? [element("h3", "", gettext("Will not be sent")), ...groups] : []));
}

/** @param {object} words `send`, `sendAll(count)`; `wait` says why nothing can be sent at the moment, or is "" */
export function showSend(review, { chosen, open, canSend }, { send, sendAll, wait }) {
  const isReady = canSend && wait === "";
  byId("send").textContent = canSend ? sendAll(chosen.length) : send;
  byId("send").setAttribute("aria-disabled", String(!isReady));
  byId("send-hint").textContent = isReady ? "" : wait || hint(review, open);
}

function title(review, { open, canSend }) {
  if (review.sendable.length === 0) return gettext("There is nothing to send");
  if (open.some(({ code }) => code === "other_patient")) return gettext("Another patient than this upload's");
  if (open.length > 0) return gettext("Whose images are to be sent?");
  return canSend ? gettext("Ready to send") : gettext("Nothing is chosen");
}

function hint(review, open) {
  if (review.sendable.length === 0) return review.here.length > 0 ? gettext("Nothing that is missing was found here.") : gettext("No DICOM image was found in what you chose.");
  if (open.length === 0) return gettext("You chose none of the images.");
  return ngettext("First answer the question above.", "First answer the %(count)s questions above.", open.length);
}

function markPatients(sent, review, open) {
  for (const block of byId("patients").querySelectorAll(".patient")) {
    const isLeftOut = open.length === 0 && !sent.has(block.dataset.key);
    block.classList.toggle("is-left-out", isLeftOut);
    block.querySelector(".not-sent").hidden = !isLeftOut;
  }
}

function patientBlock({ key, patient, studies, count, bytes }, spellings, pictureOf) {
  const notSent = element("span", "badge not-sent", icon("skip"), gettext("Will not be sent"));
  notSent.hidden = true;
  const isUnsure = studies.some(({ series }) => series.some(({ middle }) => middle.header.unsure.some((name) => OF_PATIENT.has(name))));
  const others = (spellings ?? []).filter((name) => name !== patient.shownName);
  const head = element(
    "header",
    "patient-head",
    element("h3", "", patient.shownName || gettext("No name")),
    element("span", "", ...identityOf(patient, studies[0])),
    isUnsure ? flag(gettext("Some characters could not be read for certain")) : null,
    others.length > 0 ? flag(gettext("Also written: %(names)s", { names: others.slice(0, ABOUTS).join("; ") })) : null,
    notSent,
    element("span", "number totals", `${words.files(count)} · ${words.size(bytes)}`),
  );
  const list = element("div", "studies");
  const block = element("article", "patient", head, ...appendCapped(list, studies, (study) => studyBlock(study, pictureOf), STUDIES, "studies"));
  block.dataset.key = key;
  return block;
}

function identityOf(patient, study) {
  const age = ageOf(study.series[0].middle.header);
  const facts = [
    sentences.idOf(patient),
    sentences.birthOf(patient),
    patient.sex,
    age === null ? "" : ngettext("%(count)s year", "%(count)s years", age),
  ];
  return [facts.filter(Boolean).join(" · ")];
}

function studyBlock(study, pictureOf) {
  const facts = [words.date(study.date) || gettext("No date"), study.description, study.accession && gettext("Accession %(number)s", { number: study.accession })];
  const amount = [ngettext("%(count)s series", "%(count)s series", study.series.length), words.files(study.count), words.size(study.bytes)].join(" · ");
  const body = element("tbody");
  const [, more] = appendCapped(body, study.series, (series) => seriesRow(series, pictureOf), SERIES, "series");
  const caption = element("caption", "", element("span", "", facts.filter(Boolean).join(" · ")), element("span", "number muted", amount));
  const table = element("table", "series-table stack", caption, seriesHead(), body);
  return element("div", "study", element("div", "table-box", table), more ?? null);
}

function seriesHead() {
  const names = [[gettext("Image")], [gettext("Series")], [gettext("Kind")], [gettext("Images"), "number"], [gettext("Size"), "number"], [gettext("Noted")]];
  const cells = names.map(([name, className = ""]) => {
    const cell = element("th", className, name);
    cell.scope = "col";
    return cell;
  });
  return element("thead", "", element("tr", "", ...cells));
}

function seriesRow(series, pictureOf) {
  const name = element("th", "", sentences.seriesName(series));
  name.scope = "row";
  const notes = [
    series.contrast && gettext("Contrast"),
    series.repeats > 0 && ngettext("%(count)s image there twice", "%(count)s images there twice", series.repeats),
    hasUnsureWords(series) && gettext("Some characters unsure"),
  ].filter(Boolean);
  return element(
    "tr",
    "",
    element("td", "picture", pictureBox(series, pictureOf)),
    name,
    labelled(gettext("Kind"), sentences.use(series)),
    labelled(gettext("Images"), sentences.amount(series), "number"),
    labelled(gettext("Size"), words.size(series.bytes), "number"),
    element("td", "", ...notes.map((note) => element("span", "flag", note))),
  );
}

/** Of the series itself; the patient's are said once, beside the name. */
function hasUnsureWords({ files, isUnsure }) {
  return isUnsure && files.some(({ header }) => header.unsure.some((name) => !OF_PATIENT.has(name)));
}

function labelled(label, text, className = "") {
  const cell = element("td", className, text);
  cell.dataset.label = label;
  return cell;
}

/** The picture when it comes; a place of the same size until then, and where there is none. */
function pictureBox(series, pictureOf) {
  const box = element("span", "thumb", element("span", "visually-hidden", gettext("Picture is being made")));
  pictureOf(series).then((picture) => box.replaceChildren(picture === null ? element("span", "muted", gettext("No picture")) : canvasOf(picture, series)));
  return box;
}

function canvasOf({ width, height, data }, series) {
  const canvas = element("canvas");
  Object.assign(canvas, { width, height });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", gettext("Middle image of series %(name)s", { name: sentences.seriesName(series) }));
  canvas.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
  return canvas;
}

function flag(text) {
  return element("span", "flag", icon("alert"), text);
}

function showWarnings(review, { warnings }) {
  const nameOf = sentences.namesOf(review.tree);
  const wasOpen = openStates("warnings");
  const byCode = new Map();
  for (const one of warnings.filter(({ code }) => code !== "missing_from_disc")) {
    const text = sentences.warning(one);
    byCode.set(text, [...(byCode.get(text) ?? []), nameOf(one.series_uid ?? one.study_uid, one.patient) ?? ""]);
  }
  const items = [...byCode].map(([text, about]) => element("li", "", element("strong", "", shortList(about)), `: ${text}`));
  const list = element("ul", "", ...items);
  const nodes = [...(items.length > 0 ? [list] : []), ...review.discs.map((disc) => discBlock(disc, wasOpen))];
  const box = element("div", "notice notice-warning", icon("alert"), element("div", "", element("h3", "", gettext("Please note")), ...nodes));
  byId("warnings").replaceChildren(...(nodes.length > 0 ? [box] : []));
}

function shortList(names) {
  const rest = names.length - ABOUTS;
  const named = names.slice(0, ABOUTS).join("; ");
  return rest > 0 ? gettext("%(names)s and %(count)s more", { names: named, count: words.number(rest) }) : named;
}

function discBlock(disc, wasOpen) {
  const node = details(sentences.discLacks(disc), disc.missing.map(({ path }) => path), "info", wasOpen.get(disc.path) ?? false);
  node.dataset.name = disc.path;
  return node;
}

/** What the person has opened or closed stays so when it is drawn anew: the names of a box's details -> whether they are open. */
function openStates(id) {
  return new Map(Array.from(byId(id).querySelectorAll("details"), (node) => [node.dataset.name, node.open]));
}

function groupBlock(group, wasOpen) {
  const isProblem = sentences.isProblem(group);
  const paths = group.files.map(({ source }) => source.path);
  const isOpen = wasOpen.get(group.group) ?? (isProblem && paths.length <= OPENED);
  const node = details(sentences.groupTitle(group), paths, isProblem ? "alert" : "skip", isOpen);
  node.dataset.name = group.group;
  const reasons = sentences.groupReasons(group).map((reason) => element("p", "muted small", reason));
  node.querySelector("summary").append(element("span", "muted number", words.size(group.bytes)));
  node.querySelector("summary").after(...reasons);
  return node;
}

/** Its paths are made when it is opened. */
function details(text, paths, iconName, isOpen) {
  const node = element("details", "group", element("summary", `is-${iconName}`, icon(iconName), element("span", "group-title", text)));
  const fill = () => {
    if (node.querySelector(".paths") !== null) return;
    node.append(...appendCapped(element("ul", "paths"), paths, (path) => element("li", "path", path), PATHS, "files"));
  };
  node.addEventListener("toggle", fill);
  node.open = isOpen;
  if (isOpen) fill();
  return node;
}

export function hideReview() {
  show("review", false);
  for (const id of ["patients", "left-out", "warnings", "gate"]) byId(id).replaceChildren();
}
