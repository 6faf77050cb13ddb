/** What the page says and offers while bytes move: waits, sign-in, pause, what failed, the end. */

import { makeAwake } from "./awake.js";
import { ask, askToSignIn } from "./dialogs.js";
import { byId, show } from "./dom.js";
import { gettext, ngettext } from "./translating.js";
import { alarm, clearAlarm, makeProblems, makeProgress, say } from "./upload_view.js";
import * as words from "./words.js";

const KEPT = gettext("Nothing more of it will be sent. What Qure has accepted stays with Qure.");
const CANCELLED = {
  doing: gettext("Cancelling"),
  done: gettext("The upload is cancelled"),
  hint: (filesDone) => (filesDone === 0 ? gettext("No image of it was sent.") : KEPT),
};
const ADDING_STOPPED = {
  doing: gettext("Stopping"),
  done: gettext("Nothing more is added"),
  hint: (filesDone) => {
    const added = ngettext("%(count)s file was added before.", "%(count)s files were added before.", filesDone);
    const kept = gettext("What the upload had stays as it is.");
    return `${added} ${kept}`;
  },
};
const SIGNED_OUT = [gettext("Waiting for you to sign in"), gettext("What has arrived is safe. The upload goes on as soon as you have signed in again.")];
const ACTIONS = ["pause", "resume", "cancel", "send-again", "another"];

/**
 * @param {object} pace
 * @param {Array<{key, name}>} studies
 * @param {boolean} isAdding to an upload, which stays when this is cancelled
 * @returns {object} `tell(event)` for what `Sending` tells; `restore(session)` asks to sign in; `noteTry()` ends a countdown;
 *   `follow(sending)` wires the buttons
 */
export function makeSendingView(pace, studies, isAdding = false) {
  const cancelled = isAdding ? ADDING_STOPPED : CANCELLED;
  const state = { isPaused: false, isLost: false, isSignedOut: false, isOver: false };
  const problems = makeProblems(byId("sending-problems"));
  const progress = makeProgress(pace, studies, () => state);
  const keepAwake = makeAwake(navigator, document);
  let sending = null;
  let standing = ["", ""];
  let countdown = 0;

  const reactions = {
    created: ({ pageUrl }) => {
      byId("job-link").href = pageUrl;
      byId("job-link").target = "_blank"; // this page must stay open while the bytes move
      show("job-link");
    },
    progress,
    retry: showWait,
    recovered: () => {
      noteLine(false);
      say(gettext("The connection is back. The upload goes on."));
    },
    excluded: ({ path, reason }) => problems.add(reason, (count) => ngettext("%(count)s file not sent: %(reason)s", "%(count)s files not sent: %(reason)s", count, { reason }), path),
    unreadable: ({ path }) => problems.add("unreadable", unreadableTitle, path),
    refused: ({ message, paths }) => {
      for (const path of paths) problems.add("refused", (count) => ngettext("%(count)s file not uploaded yet: %(reason)s", "%(count)s files not uploaded yet: %(reason)s", count, { reason: message }), path);
    },
    paused: showPaused,
    failed: ({ count }) => showFailed(count),
    finished: ({ pageUrl }) => finish(pageUrl),
    stopped: ({ message }) => end(gettext("The upload stopped"), gettext("What has arrived is safe."), message),
    cancelled: ({ filesDone }) => end(cancelled.done, cancelled.hint(filesDone)),
  };

  function title(text, hint) {
    standing = [text, hint];
    showTitle();
  }

  function showTitle() {
    const [text, hint] = state.isSignedOut ? SIGNED_OUT : standing;
    byId("sending-title").textContent = text;
    byId("sending-hint").textContent = hint;
  }

  function offer(...ids) {
    for (const id of ACTIONS) show(id, ids.includes(id));
  }

  /** Only while bytes move, leaving is warned against and the screen stays awake. */
  function move(isMoving) {
    window.removeEventListener("beforeunload", warnBeforeLeaving);
    if (isMoving) window.addEventListener("beforeunload", warnBeforeLeaving);
    keepAwake(isMoving);
  }

  function noteLine(isLost) {
    state.isLost = isLost;
    clearInterval(countdown);
    show("waiting", isLost);
    progress.draw();
  }

  function showWait({ wait, message }) {
    const due = performance.now() + wait;
    const tick = () => {
      const rest = due - performance.now();
      byId("waiting-next").textContent = rest > 0 ? nextTry(words.seconds(rest)) : gettext("Trying now …");
    };
    if (byId("waiting").hidden) say(message);
    byId("waiting-text").textContent = message;
    noteLine(true);
    countdown = setInterval(tick, 1000);
    tick();
  }

  /** The next try is under way; what comes of it is told. */
  function noteTry() {
    if (byId("waiting").hidden) return;
    clearInterval(countdown);
    byId("waiting-next").textContent = gettext("Trying now …");
  }

  async function restore(session) {
    noteSignedOut(true);
    noteLine(false); // the line is there again: the server has answered
    say(gettext("You were signed out. Sign in again to go on with the upload."));
    await askToSignIn(session);
    noteSignedOut(false);
    progress.draw();
    byId("sending-title").focus();
  }

  function noteSignedOut(isSignedOut) {
    state.isSignedOut = isSignedOut;
    show("signed-out", isSignedOut);
    showTitle();
  }

  function pause() {
    state.isPaused = true;
    title(gettext("Pausing"), gettext("What is on the line arrives first."));
    offer("resume", "cancel");
    byId("resume").focus();
    sending.pause();
    progress.draw();
  }

  function showPaused() {
    move(false);
    noteLine(false);
    title(gettext("Paused"), gettext("What has arrived is safe. Keep this page open to go on where you stopped."));
    say(gettext("The upload is paused."));
  }

  function resume() {
    state.isPaused = false;
    begin();
    byId("pause").focus();
    sending.resume();
    progress.draw();
  }

  async function cancel() {
    if (!(await ask("cancel-dialog"))) return;
    move(false);
    offer();
    state.isOver = true;
    title(cancelled.doing, "");
    progress.draw();
    byId("sending-title").focus();
    await sending.cancel();
  }

  function showFailed(count) {
    move(false);
    state.isOver = true;
    title(gettext("Not everything was uploaded"), "");
    nameTab(gettext("Not everything was uploaded"));
    progress.draw();
    alarm(failedSentence(count));
    offer("send-again", "cancel");
    byId("send-again").focus();
  }

  function sendAgain() {
    problems.clear("refused");
    clearAlarm();
    begin();
    byId("sending-title").focus();
    sending.retryFailed();
  }

  function end(text, hint, message = "") {
    move(false);
    state.isOver = true;
    clearAlarm();
    noteSignedOut(false);
    noteLine(false);
    title(text, hint);
    nameTab(text);
    offer("another");
    if (message) alarm(message);
    else say(`${text}. ${hint}`);
    byId("sending-title").focus();
  }

  function finish(pageUrl) {
    move(false);
    noteLine(false);
    offer();
    title(gettext("All files have arrived"), gettext("You can close this page, we finish without you."));
    say(gettext("All files have arrived. You can close this page, we finish without you."));
    location.assign(pageUrl);
  }

  function begin() {
    state.isOver = false;
    move(true);
    offer("pause", "cancel");
    title(gettext("Uploading"), gettext("Please leave this page open until the upload is done."));
  }

  function follow(upload) {
    sending = upload;
    for (const [id, act] of Object.entries({ pause, resume, cancel, "send-again": sendAgain, another: () => location.assign(location.pathname) })) {
      byId(id).addEventListener("click", act);
    }
    begin();
  }

  return { tell: (event) => reactions[event.type](event), restore, noteTry, follow };
}

function nameTab(text) {
  document.title = `${text} – Qure upload`;
}

function unreadableTitle(count) {
  return ngettext("%(count)s file your computer could not read, not sent", "%(count)s files your computer could not read, not sent", count);
}

function nextTry(seconds) {
  return ngettext("Next try in %(count)s second.", "Next try in %(count)s seconds.", seconds);
}

function failedSentence(count) {
  return ngettext(
    "%(count)s file could not be uploaded. Everything else is safe with us and goes on to Qure.",
    "%(count)s files could not be uploaded. Everything else is safe with us and goes on to Qure.",
    count,
  );
}

function warnBeforeLeaving(event) {
  event.preventDefault();
}
