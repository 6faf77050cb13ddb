/** Walks what was dropped or chosen and names every file by its path inside the drop. */

/**
 * Read everything out of a drop's `DataTransfer.items`. The items die when the event handler returns, so this takes
 * their entries before its first wait.
 * @param {function} onFound told how many files are known so far
 * @returns {Promise<{files: Array<{path, file}>, unreadable: Array<string>}>}
 */
export async function scanDrop(items, onFound = () => {}) {
  const entries = [];
  const files = [];
  for (const item of items) {
    if (item.kind !== "file") continue;
    const entry = item.webkitGetAsEntry?.();
    if (entry) entries.push(entry);
    else addPlain(files, item.getAsFile());
  }
  return walk(entries, files, onFound);
}

/** Copy a FileList: the input empties it when the same folder is chosen again. */
export function scanFileList(fileList) {
  const files = Array.from(fileList, (file) => ({ path: pathOf(file), file }));
  return { files, unreadable: [] };
}

async function walk(entries, files, onFound) {
  const unreadable = [];
  const folders = [];
  await sortOut(entries, files, folders, unreadable);
  while (folders.length > 0) {
    const folder = folders.pop();
    const reader = folder.createReader();
    for (;;) {
      const batch = await readBatch(reader).catch(() => null);
      if (batch === null) unreadable.push(withoutSlash(folder.fullPath));
      if (batch === null || batch.length === 0) break; // Chromium gives 100 at most: read until empty
      await sortOut(batch, files, folders, unreadable);
      onFound(files.length);
    }
  }
  return { files, unreadable };
}

async function sortOut(entries, files, folders, unreadable) {
  const found = await Promise.all(entries.filter((entry) => entry.isFile).map(openFile));
  for (const { path, file } of found) {
    if (file === null) unreadable.push(path);
    else files.push({ path, file });
  }
  folders.push(...entries.filter((entry) => entry.isDirectory));
}

async function openFile(entry) {
  const path = withoutSlash(entry.fullPath);
  const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
  return { path, file };
}

function readBatch(reader) {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

function addPlain(files, file) {
  if (file) files.push({ path: pathOf(file), file });
}

function pathOf(file) {
  return file.webkitRelativePath || file.name;
}

function withoutSlash(path) {
  return path.replace(/^\/+/, "");
}
