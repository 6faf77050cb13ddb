/** Cuts the list of files, and what the person has said about them, into requests that the server takes. Pure. */

const FIRST_ENTRIES = 250; // files of the first request: their bytes can move while the others are named
const ENTRIES = 2000; // files a request
const DETAILS = 1000; // patients, warnings or studies a request
const ASKED_FOR = ["confirmed", "studies"]; // what the server must know before bytes move

/**
 * @param {Array} files
 * @param {object} details lists by their names in the request: `{ confirmed, warnings, studies }`
 * @returns {Array<{files, details, isAllAsked, isLast}>} at least one; `isAllAsked` in the one with which bytes may move
 */
export function manifestParts(files, details = {}) {
  const lists = Object.entries(details);
  const asked = lists.filter(([name]) => ASKED_FOR.includes(name));
  const count = Math.max(detailParts(lists), 1 + Math.ceil(Math.max(0, files.length - FIRST_ENTRIES) / ENTRIES));
  return Array.from({ length: count }, (_, index) => ({
    files: files.slice(...entriesOf(index)),
    details: detailsOf(lists, index),
    isAllAsked: index === detailParts(asked) - 1,
    isLast: index === count - 1,
  }));
}

function entriesOf(index) {
  const end = FIRST_ENTRIES + index * ENTRIES;
  return [index === 0 ? 0 : end - ENTRIES, end];
}

function detailParts(lists) {
  return Math.max(1, ...lists.map(([, list]) => Math.ceil(list.length / DETAILS)));
}

function detailsOf(lists, index) {
  const parts = lists.map(([name, list]) => [name, list.slice(index * DETAILS, (index + 1) * DETAILS)]);
  return Object.fromEntries(parts.filter(([, part]) => part.length > 0));
}
