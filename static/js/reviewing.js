/** From what was dropped to what the person decides: reads it, shows it, keeps the answers. */

import { byId, show } from "./dom.js";
import { examine } from "./examining.js";
import { showGate } from "./gate_view.js";
import { openArchives } from "./reading/archive.js";
import { makeReader } from "./reading/reader.js";
import { decide, examineSelection } from "./review.js";
import { hideReview, showDecision, showSend, showTree } from "./review_view.js";
import { makeSelection } from "./selection.js";
import { seriesName, studyName } from "./sentences.js";
import { gettext, ngettext } from "./translating.js";
import { alarm, clearAlarm, say, showChooser, throttled } from "./upload_view.js";
import * as words from "./words.js";

const WAIT = gettext("Wait until everything is read.");

/**
 * @param {string} workerUrl
 * @param {function} rulesFor the files so far -> Promise of the rules for `examineSelection`
 * @param {object} verbs what the button says: `send`, or `sendAll(count)` when something is chosen
 */
export function makeReviewing({ workerUrl, rulesFor, verbs }) {
  const reader = makeReader(() => new Worker(workerUrl, { type: "module" }));
  const pictures = new Map();
  let state = fresh();

  function fresh() {
    return { selection: makeSelection(), answers: new Map(), stop: new AbortController(), last: Promise.resolve(), running: 0, review: null, decision: null };
  }

  /** Several drops are read one after the other, into one review. */
  function take(scanning) {
    const target = state;
    const { signal } = target.stop;
    clearAlarm();
    target.running += 1;
    showReading();
    showButton();
    target.last = target.last.then(() => read(target, scanning, signal)).finally(() => {
      if (signal.aborted) return;
      target.running -= 1;
      if (target.running === 0) show("reading", false);
      showButton();
    });
    return target.last;
  }

  async function read({ selection }, scanning, signal) {
    const nameSources = (sources) => (signal.aborted ? sources : selection.nameSources(sources));
    const tools = { openArchives, reader, nameSources, signal, onProgress: throttled((...counts) => signal.aborted || onProgress(...counts)) };
    const found = await scanning.then((scan) => (signal.aborted ? null : examine(scan, tools)));
    if (signal.aborted) return;
    const rules = await rulesFor([...selection.files, ...found.files]);
    if (signal.aborted) return;
    selection.add(found);
    state.rules = rules;
    showAll();
  }

  function showAll() {
    const { selection, answers, rules } = state;
    if (selection.files.length === 0) {
      alarm(gettext("There was no file in what you chose. Choose the folder that holds the images."));
      return;
    }
    const isFirst = state.review === null;
    state.review = examineSelection(selection, rules);
    showGate(state.review, answers, nameOf, decideAnew);
    showTree(state.review, pictureOf);
    showChooser(false);
    show("review");
    decideAnew();
    announce();
    if (isFirst) focusFirst();
    else keepFocus();
  }

  /** The rules have changed: another team. */
  async function refresh() {
    if (state.review === null) return;
    state.rules = await rulesFor(state.selection.files);
    state.review = examineSelection(state.selection, state.rules);
    showGate(state.review, state.answers, nameOf, decideAnew);
    showTree(state.review, pictureOf);
    decideAnew();
  }

  function decideAnew() {
    state.decision = decide(state.review, state.answers);
    showDecision(state.review, state.decision);
    showButton();
  }

  function showButton() {
    if (state.decision !== null) showSend(state.review, state.decision, { ...verbs, wait: state.running > 0 ? WAIT : "" });
  }

  function announce() {
    const { open, chosen, bytes } = state.decision;
    if (open.some(({ code }) => code === "other_patient")) say(gettext("These images are of another patient than this upload. Are they to be added?"));
    else if (open.length > 0) say(gettext("There are images of more than one patient. Choose whose images to send."));
    else if (chosen.length === 0) say(byId("review-title").textContent);
    else say(ngettext("%(count)s file ready to send, %(size)s.", "%(count)s files ready to send, %(size)s.", chosen.length, { size: words.size(bytes) }));
  }

  function focusFirst() {
    if (document.activeElement.matches("input, select, textarea")) return; // who is in a field stays there
    const first = byId("gate").querySelector("input:enabled") ?? byId(state.decision.chosen.length > 0 ? "send" : "start-over");
    first.focus();
  }

  function nameOf({ code, seriesUid, studyUid }) {
    const studies = state.review.tree.flatMap((patient) => patient.studies).filter(({ uid }) => uid === studyUid);
    const series = studies.flatMap((study) => study.series).find(({ uid }) => uid === seriesUid);
    if (code === "series_of_two_patients") return seriesName(series);
    return code === "study_of_two_patients" ? studyName(studies[0]) : "";
  }

  function pictureOf({ middle }) {
    const { source, header } = middle;
    if (!pictures.has(source.path)) pictures.set(source.path, header.instance.rows > 0 ? reader.picture(source, header.instance) : Promise.resolve(null));
    return pictures.get(source.path);
  }

  function startOver() {
    state.stop.abort();
    state = fresh();
    pictures.clear();
    hideReview();
    clearOptions();
    show("reading", false);
    showChooser(true);
    clearAlarm();
    say(gettext("Nothing is chosen."));
    byId("choose-folder").focus();
  }

  /** What was read before stays. */
  function stopReading() {
    if (state.review === null) {
      startOver();
      return;
    }
    state.stop.abort();
    state.selection.forgetUnread();
    Object.assign(state, { stop: new AbortController(), last: Promise.resolve(), running: 0 });
    keepFocus();
    show("reading", false);
    showButton();
    say(gettext("Stopped. What was read before is still here."));
  }

  /** What to send, or null with the reason said: something is open, or files are still being read. */
  function confirm() {
    const isReading = state.running > 0;
    if (isReading || !state.decision?.canSend) {
      if (!isReading) byId("gate").querySelector("input:enabled")?.focus();
      say(byId("send-hint").textContent);
      return null;
    }
    return state.decision;
  }

  byId("stop-reading").addEventListener("click", stopReading);
  byId("start-over").addEventListener("click", startOver);
  return { take, refresh, confirm, close: () => reader.close() };
}

/** Who is somewhere stays there; whose place is gone comes to the heading, where no key that is just pressed does anything. */
function keepFocus() {
  const { activeElement } = document;
  if (activeElement === document.body || byId("reading").contains(activeElement)) byId("review-title").focus();
}

/** What was said of one patient's images is not said of the next one's. */
function clearOptions() {
  if (byId("note") === null) return; // an upload that is gone on with has its own
  byId("note").value = "";
  byId("stat").checked = false;
}

function showReading() {
  show("reading");
  byId("reading-bar").removeAttribute("value");
  byId("reading-text").textContent = gettext("Looking for files …");
}

export function onFound(count) {
  byId("reading-text").textContent = ngettext("%(count)s file found so far", "%(count)s files found so far", count);
}

function onProgress(read, count) {
  byId("reading-bar").value = count === 0 ? 1 : read / count;
  byId("reading-text").textContent = words.filesOf(read, count);
}
