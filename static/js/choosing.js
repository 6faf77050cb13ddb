/** The ways in which files come onto the page: two buttons, and a drop anywhere. */

import { byId, show } from "./dom.js";
import { scanDrop, scanFileList } from "./scan.js";
import { gettext } from "./translating.js";

/**
 * @param {function} take gets the promise of a scan
 * @param {function} mayTake whether files are taken at the moment; when not, `onRefused` is called
 * @param {function} onFound told how many files a drop has so far
 * @param {function} say tells who can't see it that a drop would be taken here
 */
export function listenForFiles({ take, mayTake, onRefused, onFound, say }) {
  show("choose-folder", "webkitdirectory" in byId("folder-input")); // a telephone's browser may not know folders
  listenToInputs(take);
  listenToDrops({ take, mayTake, onRefused, onFound, say });
}

function listenToInputs(take) {
  for (const [button, input] of [["choose-folder", "folder-input"], ["choose-files", "files-input"]]) {
    byId(button).addEventListener("click", () => byId(input).click());
    byId(input).addEventListener("change", () => {
      const scan = scanFileList(byId(input).files);
      byId(input).value = ""; // so that the same folder can be chosen again
      take(Promise.resolve(scan));
    });
    byId(button).disabled = false;
  }
}

function listenToDrops({ take, mayTake, onRefused, onFound, say }) {
  let depth = 0;
  const mark = (isOver) => {
    const { classList } = byId("drop-zone");
    if (classList.contains("is-over") === isOver) return false;
    classList.toggle("is-over", isOver);
    return true;
  };
  window.addEventListener("dragenter", (event) => {
    event.preventDefault();
    if (!hasFiles(event)) return;
    depth += 1;
    if (mark(mayTake())) say(gettext("Drop the files now: they will be read."));
  });
  window.addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    depth = Math.max(0, depth - 1);
    if (mark(depth > 0 && mayTake())) say(gettext("The files have left the page."));
  });
  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    mark(false);
    if (!hasFiles(event)) return;
    if (mayTake()) take(scanDrop(event.dataTransfer.items, onFound));
    else onRefused();
  });
}

/** Text and links can be dragged too. */
function hasFiles({ dataTransfer }) {
  return dataTransfer?.types.includes("Files") ?? false;
}
