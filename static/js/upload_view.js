/** What the upload page shows while files are read and while they move: notices, progress, problems. */

import { appendCapped, byId, element, icon } from "./dom.js";
import { gettext } from "./translating.js";
import * as words from "./words.js";

const NAMED = 50; // paths that a list shows before it only counts
const SAID_EVERY = 0.25; // of the bytes: what a screen reader is told
const REDRAWN_EVERY = 250; // milliseconds
const STUDIES = 20; // shown at once

export function say(text) {
  byId("status").textContent = text;
}

export function alarm(text) {
  byId("alerts").replaceChildren(element("div", "notice notice-error", icon("alert"), element("p", "", text)));
}

/** What went otherwise than the person meant, and harms nothing. */
export function warn(text) {
  byId("alerts").replaceChildren(element("div", "notice notice-warning", icon("alert"), element("p", "", text)));
}

export function clearAlarm() {
  byId("alerts").replaceChildren();
}

/** Large while nothing is chosen; afterwards a small place to add more. */
export function showChooser(isFirst) {
  byId("drop-zone").classList.toggle("is-small", !isFirst);
  byId("choose-title").textContent = isFirst ? byId("choose-title").dataset.first : gettext("Add more: drop or choose");
  byId("choose-folder").classList.toggle("button-primary", isFirst);
}

/** Redraws at most four times a second, also in a tab in the background, where no frame is ever drawn. */
export function throttled(draw) {
  let latest = null;
  let isDue = false;
  return (...news) => {
    latest = news;
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      draw(...latest);
    }, REDRAWN_EVERY);
  };
}

/**
 * @param {Array<{key, name}>} studies
 * @param {function} state `{ isPaused, isLost, isSignedOut, isOver }` as they are at the moment: while one is true, nothing moves
 */
export function makeProgress(pace, studies, state) {
  const rows = makeStudyRows(studies);
  let spoken = 0;
  let latest = null;

  function draw() {
    if (latest === null) return;
    const { bytes, bytesDone, files, filesDone } = latest;
    const { isPaused, isSignedOut, isOver } = state();
    const share = bytes === 0 ? Number(files === filesDone) : bytesDone / bytes;
    const isMoving = bytesDone < bytes && !Object.values(state()).some(Boolean);
    const moving = isMoving ? { left: pace.timeLeft(bytes - bytesDone), speed: pace.speed() } : { left: null };
    const text = words.progress({ ...latest, ...moving });
    byId("bar").value = share;
    byId("progress-text").textContent = text;
    const percent = `${Math.floor(share * 100)} %`;
    rows(latest.studies);
    if (isOver) return; // the end has its own words
    document.title = `${shownIn(percent, { isPaused, isSignedOut })} – Qure upload`;
    if (share < spoken + SAID_EVERY || share >= 1) return;
    spoken = Math.floor(share / SAID_EVERY) * SAID_EVERY;
    say(text);
  }

  const redraw = throttled(draw);
  const progress = (event) => {
    latest = event;
    redraw();
  };
  return Object.assign(progress, { draw });
}

function shownIn(percent, { isPaused, isSignedOut }) {
  if (isSignedOut) return gettext("Signed out – %(percent)s", { percent });
  return isPaused ? gettext("Paused – %(percent)s", { percent }) : percent;
}

/** One line a study: what it is and how much of it is there. */
function makeStudyRows(studies) {
  const lines = new Map();
  const list = element("ul", "study-progress");
  const draw = ({ key, name }) => {
    const bar = element("progress", "bar");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", name);
    const text = element("span", "number muted");
    lines.set(key, { bar, text });
    return element("li", "", element("span", "study-name", name), bar, text);
  };
  byId("sending-studies").replaceChildren(...(studies.length > 1 ? appendCapped(list, studies, draw, STUDIES, "studies") : []));
  return (counts) => {
    for (const [key, { bar, text }] of lines) {
      const { files, filesDone, bytes, bytesDone } = counts.get(key);
      bar.value = bytes === 0 ? 1 : bytesDone / bytes;
      text.textContent = words.filesOf(filesDone, files);
    }
  };
}

/** Collects named files under a title, and redraws the title's count; thousands of names stay a number. */
export function makeProblems(container) {
  const groups = new Map();
  return {
    add(key, title, path) {
      const group = groups.get(key) ?? newGroup(container, groups, key);
      group.count += 1;
      group.title.textContent = title(group.count);
      if (group.count <= NAMED) group.list.append(element("li", "path", path));
    },
    clear(key) {
      groups.get(key)?.node.remove();
      groups.delete(key);
    },
  };
}

function newGroup(container, groups, key) {
  const title = element("span", "group-title");
  const list = element("ul", "paths");
  const node = element("details", "group", element("summary", "", icon("alert"), title), list);
  const group = { node, count: 0, title, list };
  groups.set(key, group);
  container.append(node);
  return group;
}
