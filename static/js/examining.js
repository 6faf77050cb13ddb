/** Looks into what was dropped: opens archives, reads the heads of files, reads a CD's table of contents. Knows no page. */

import { readDicomdir } from "./reading/dicomdir.js";
import { diskSource } from "./sources.js";

const UNREADABLE = { kind: "unreadable", reason: "unreadable_source" };

/**
 * @param {{files, unreadable}} scan of `scan.js`
 * @param {object} tools `openArchives`, `reader`, `nameSources(sources)` (gives each a path of its own), `signal` (stops),
 *   `onProgress(read, count)`
 * @returns {Promise<{files: Array<{source, header}>, discs: Array<{path, listed}>}>} `listed` is what a DICOMDIR lists
 */
export async function examine(scan, { openArchives, reader, nameSources, signal, onProgress }) {
  const { sources, problems } = await openArchives(scan.files.map(diskSource), { signal });
  const named = nameSources(sources);
  const files = [...namedFiles(problems, nameSources), ...unreadableFiles(scan.unreadable, nameSources)];
  let read = 0;
  const onBatch = (batch) => {
    read += batch.length;
    files.push(...batch);
    onProgress(read, named.length);
  };
  onProgress(0, named.length);
  await reader.read(named, onBatch, signal);
  return { files, discs: await discsOf(files) };
}

function namedFiles(problems, nameSources) {
  const sources = nameSources(problems.map(({ source }) => source));
  return problems.map(({ header }, index) => ({ source: sources[index], header }));
}

/** Files and folders that could not even be opened. */
function unreadableFiles(paths, nameSources) {
  return nameSources(paths.map((path) => ({ path, size: 0 }))).map((source) => ({ source, header: UNREADABLE }));
}

async function discsOf(files) {
  const found = files.filter(({ header }) => header.kind === "dicomdir");
  const lists = found.map(({ source }) => readDicomdir(source).catch(() => ({ files: [] })));
  return (await Promise.all(lists)).map((list, index) => ({ path: found[index].source.path, listed: list.files }));
}
