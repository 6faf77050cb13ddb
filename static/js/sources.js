/** Where a file's bytes come from: the disk, or an archive (reading/archive.js). */

const UNREADABLE = ["NotReadableError", "NotFoundError"];

/** @returns {{path, size, file, read}} a source whose bytes the disk gives when they are asked for */
export function diskSource({ path, file }) {
  const isWhole = (start, end) => start === 0 && end === file.size; // a slice asks the browser, and the page waits meanwhile
  return { path, size: file.size, file, read: async (start, end) => (isWhole(start, end) ? file : file.slice(start, end)) };
}

/** Whether an error says that the file can't be read (a scratched CD, a damaged archive), and not that we made a mistake. */
export function isUnreadable(error) {
  return Boolean(error.fault) || UNREADABLE.includes(error.name);
}
