/** The upload page: choose, look, decide, send. */

import { listenForFiles } from "./choosing.js";
import { askKnown } from "./dialogs.js";
import { byId, show } from "./dom.js";
import { makeIntake } from "./intake.js";
import { makePace } from "./pace.js";
import { packParcel } from "./packing.js";
import { wakeableClock } from "./queue.js";
import { makePlacing, othersAmong } from "./resumed.js";
import { manifestOf } from "./review.js";
import { makeReviewing, onFound } from "./reviewing.js";
import { LANES, Sending } from "./sending.js";
import { makeSendingView } from "./sending_view.js";
import { studyName } from "./sentences.js";
import { makeSession } from "./session.js";
import { gettext, ngettext } from "./translating.js";
import { sendBlob } from "./transport.js";
import { alarm, say, warn } from "./upload_view.js";
import * as words from "./words.js";

const SEND = {
  send: gettext("Send to Qure"),
  sendAll: (count) => ngettext("Send %(count)s file to Qure", "Send %(count)s files to Qure", count),
};
const SEND_MISSING = {
  send: gettext("Send what is missing to Qure"),
  sendAll: (count) => ngettext("Send the missing %(count)s file to Qure", "Send the missing %(count)s files to Qure", count),
};
const ADD = {
  send: gettext("Add to the upload"),
  sendAll: (count) => ngettext("Add %(count)s file to Qure", "Add %(count)s files to Qure", count),
};
const RUNNING = gettext("An upload is running. Drop these files after it is done.");
const ENDED = gettext("This upload has ended. Choose “Upload something else”, then drop these files again.");
const page = byId("upload").dataset;
const largestFile = Number(page.fileBytes);
const resumed = byId("resumed") ? JSON.parse(byId("resumed").textContent) : null;
const clock = wakeableClock(setTimeout.bind(window), clearTimeout.bind(window));
const sha256 = (bytes) => crypto.subtle.digest("SHA-256", bytes);

function begin() {
  if (!byId("choose")) return; // the person has no team yet
  byId("largest-file").textContent = words.size(largestFile);
  if (!window.crypto?.subtle) {
    alarm(gettext("Images can only be sent over a protected connection. Please open this portal with an address that begins with https://, or ask your administrator for it."));
    return;
  }
  let sending = null;
  const reviewing = makeReviewing({ workerUrl: page.workerUrl, rulesFor, verbs: verbs() });
  listenForFiles({
    take: reviewing.take,
    mayTake: () => sending === null,
    onRefused: () => warn(byId("another").hidden ? RUNNING : ENDED),
    onFound,
    say,
  });
  byId("send").addEventListener("click", () => {
    const decision = sending === null ? reviewing.confirm() : null;
    if (decision === null) return;
    sending = send(decision);
    reviewing.close();
  });
  byId("team")?.addEventListener("change", () => {
    showDestination();
    reviewing.refresh();
  });
}

async function rulesFor(files) {
  const rules = { largestFile, leavesOutReports: team().dataset.sendsDocuments === "false" };
  if (resumed === null) return rules;
  const { keys, names } = resumed.patients;
  return { ...rules, places: await makePlacing(resumed.files, sha256)(files), others: await othersAmong(files, keys, sha256), names };
}

function verbs() {
  if (resumed === null) return SEND;
  return resumed.files.adding === null ? SEND_MISSING : ADD;
}

function team() {
  return byId("team")?.selectedOptions[0] ?? byId("destination");
}

function showDestination() {
  byId("destination").textContent = team().dataset.destination;
  byId("review-destination").textContent = team().dataset.destination;
}

function send(decision) {
  for (const id of ["choose", "review"]) show(id, false);
  show("sending");
  byId("sending-title").focus();
  const pace = makePace(LANES);
  const isAdding = resumed !== null && resumed.addition !== null;
  const view = makeSendingView(pace, studiesOf(decision), isAdding);
  let instead = null; // an unfinished upload that the person goes on with
  const asked = async (known) => {
    const answer = await askKnown(known);
    instead = answer.instead;
    return answer.isYes;
  };
  const session = makeSession({ page: document, loginUrl: page.loginUrl, askToSignIn: view.restore });
  const tools = {
    intake: makeIntake({ fetch: window.fetch.bind(window), sendBlob, session }),
    pack: (pieces) => packParcel(pieces, sha256),
    clock,
    pace,
    askKnown: resumed === null || isAdding ? asked : async () => true, // who began it was asked
    now: () => performance.now(),
    newKey: () => crypto.randomUUID(),
  };
  const upload = { ...manifestOf(decision), largestParcel: Number(page.parcelBytes), ...beginning() };
  const sending = new Sending(upload, tools, view.tell);
  view.follow(sending);
  const tryNow = () => {
    view.noteTry();
    clock.wake();
  };
  byId("try-now").addEventListener("click", tryNow);
  window.addEventListener("online", tryNow);
  sending.start().then(() => {
    if (instead !== null) location.assign(instead);
  });
  return sending;
}

/** A new upload with what the person said of it, or the one that is gone on with. */
function beginning() {
  if (resumed !== null) return { urls: resumed.urls, addition: resumed.addition };
  const begin = { request: crypto.randomUUID(), team: team().dataset.team, note: byId("note").value, stat: byId("stat").checked };
  return { createUrl: page.createUrl, begin };
}

function studiesOf({ chosen }) {
  const studies = new Map(chosen.map(({ header }) => [header.study.uid, header]));
  return [...studies].map(([key, { patient, study }]) => ({ key, name: `${patient.shownName || gettext("No name")} · ${studyName(study)}` }));
}

begin();
