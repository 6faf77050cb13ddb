/** Opens ZIP archives in place, by zip.js: each entry becomes a source that is inflated when its bytes are asked for. */

import {
  BlobReader,
  ERR_ENCRYPTED,
  ERR_ENCRYPTED_CENTRAL_DIRECTORY,
  ERR_INVALID_PASSWORD,
  ERR_SPLIT_ZIP_FILE,
  ERR_UNSUPPORTED_COMPRESSION,
  ERR_UNSUPPORTED_ENCRYPTION,
  ZipReader,
  configure,
} from "../../vendor/zip.js-2.24.0/zip-core-external.min.js";
import { DecompressionStreamZlib } from "../../vendor/zip.js-2.24.0/zlib-streams.min.js";

// Its own workers come from blob: URLs and its own inflater is WebAssembly; both would need a wider Content-Security-Policy.
// The browser inflates, and for Deflate64, which no browser knows, its JavaScript twin does.
configure({ useWebWorkers: false, workerURI: "", wasmURI: "", DecompressionStreamFallback: DecompressionStreamZlib });

const NAME = /\.zip$/i;
const MAGIC = [0x50, 0x4b]; // "PK"
const DEPTH = 1; // archives within an archive are opened, those within these are named
const KNOWN_METHODS = new Set([0, 8, 9]); // Stored, Deflate, Deflate64
const FAULTS = new Map([
  [ERR_ENCRYPTED, "archive_encrypted"],
  [ERR_ENCRYPTED_CENTRAL_DIRECTORY, "archive_encrypted"],
  [ERR_INVALID_PASSWORD, "archive_encrypted"],
  [ERR_UNSUPPORTED_ENCRYPTION, "archive_encrypted"],
  [ERR_UNSUPPORTED_COMPRESSION, "archive_unsupported"],
  [ERR_SPLIT_ZIP_FILE, "archive_split"],
]);

/** What one drop's archives may hold, together and after inflating. Counted while reading: what they declare may lie. */
export const LIMITS = {
  entries: 50_000,
  bytes: 30e9,
  ratio: 200, // inflated to archived, once there are more than `freeBytes`; a CT seldom passes 10
  freeBytes: 500e6,
  small: 4e6, // bytes: an entry that is read beside others and not kept
  kept: 256e6, // bytes of one inflated entry that are kept for the next read; a larger one is inflated for each
  nested: 2e9, // bytes of an archive within an archive, which has to be inflated whole (the browser keeps it on disk)
};

/**
 * Replace the ZIP archives among the sources by what is in them.
 * @param {Array<{path, size, read}>} sources
 * @returns {Promise<{sources: Array, problems: Array<{source, header}>}>} the other sources and the entries, as sources whose
 *   `path` begins with the archive's; and what can't be read, ready for `leaveOut`, with a reason: archive_encrypted,
 *   archive_damaged, archive_unsupported, archive_split, archive_too_large, archive_too_many, archive_nested. An entry that
 *   turns out to be damaged rejects its `read` with such a `fault`; the others go on.
 */
export async function openArchives(sources, { limits = LIMITS, signal = new AbortController().signal } = {}) {
  const found = { sources: [], problems: [] };
  const budget = { entries: 0, inflated: 0, archived: 0, limits };
  for (const source of sources) {
    if (signal.aborted) break;
    if (await isArchive(source)) await openArchive(source, found, budget, 0);
    else found.sources.push(source);
  }
  return found;
}

async function isArchive(source) {
  if (!NAME.test(source.path) || source.size < MAGIC.length) return false;
  const start = await source.read(0, MAGIC.length).then((blob) => blob.arrayBuffer(), () => new ArrayBuffer(0));
  return MAGIC.every((byte, index) => new Uint8Array(start)[index] === byte);
}

async function openArchive(source, found, budget, depth) {
  const before = found.sources.length;
  try {
    const blob = source.file ?? (await source.read(0, source.size));
    if (depth === 0) budget.archived += blob.size;
    await addEntries(source, blob, found, budget, depth);
  } catch (error) {
    const isOver = error instanceof Refused && error.isWhole;
    if (isOver) found.sources.splice(before); // a bomb: none of it
    found.problems.push(problem(source, faultOf(error)));
  }
}

async function addEntries(archive, blob, found, budget, depth) {
  const reader = new ZipReader(new BlobReader(blob), { strictness: "tolerant", filenameValidation: "tolerant" });
  const inTurn = makeTurns();
  for await (const entry of reader.getEntriesGenerator()) {
    budget.entries += 1;
    if (budget.entries > budget.limits.entries) throw new Refused("archive_too_many", true);
    if (entry.directory) continue;
    const source = entrySource(archive, entry, inTurn, budget);
    if (entry.encrypted) found.problems.push(problem(source, "archive_encrypted"));
    else if (!KNOWN_METHODS.has(entry.compressionMethod)) found.problems.push(problem(source, "archive_unsupported"));
    else if (!NAME.test(source.path)) found.sources.push(source);
    else if (depth === DEPTH) found.problems.push(problem(source, "archive_nested"));
    else if (source.size > budget.limits.nested) found.problems.push(problem(source, "archive_too_large"));
    else await openArchive(source, found, budget, depth + 1);
  }
}

/** The bytes of an entry. Large ones are read one at a time, so that the memory in use stays that of one. */
function entrySource(archive, entry, inTurn, budget) {
  const size = entry.uncompressedSize;
  const count = counter(budget);

  async function read(start, end) {
    if (size > budget.limits.small) return inTurn((kept) => readKept(kept, start, end));
    return (await inflated(entry, size, end, count)).slice(start, end);
  }

  async function readKept(kept, start, end) {
    if (kept.entry === entry) return kept.blob.slice(start, end);
    const isHead = start === 0 && end < size;
    const to = isHead || size > budget.limits.kept ? end : size;
    const blob = await inflated(entry, size, to, count);
    if (to === size) Object.assign(kept, { entry, blob });
    return blob.slice(start, end);
  }

  return { path: `${archive.path}/${safePath(entry.filename)}`, size, read };
}

/** The first `to` bytes. Those of the whole entry are checked by its CRC. */
async function inflated(entry, size, to, count) {
  const pieces = [];
  const enough = new AbortController();
  let length = 0;
  let refusal = null;
  const write = (piece) => {
    length += piece.length;
    refusal = length > size ? new Refused("archive_damaged") : count(length);
    if (refusal) throw refusal;
    pieces.push(new Blob([piece]));
    if (to < size && length >= to) enough.abort();
  };
  const options = { checkCrc32: to === size, signal: enough.signal };
  await entry.getData(new WritableStream({ write }), options).catch((error) => {
    if (refusal || !enough.signal.aborted) throw refusal ?? new Refused(faultOf(error));
  });
  if (length < to) throw new Refused("archive_damaged");
  return new Blob(pieces).slice(0, to);
}

/** Counts what an entry holds, once however often it is read, against what all archives of the drop may hold. */
function counter(budget) {
  let counted = 0;
  return (length) => {
    budget.inflated += Math.max(0, length - counted);
    counted = Math.max(counted, length);
    const { bytes, ratio, freeBytes } = budget.limits;
    const isBomb = budget.inflated > freeBytes && budget.inflated > ratio * budget.archived;
    return isBomb || budget.inflated > bytes ? new Refused("archive_too_large", true) : null;
  };
}

/** One after the other, with what the last one left behind. */
function makeTurns() {
  const kept = {};
  let last = Promise.resolve();
  return (act) => {
    const turn = last.then(() => act(kept));
    last = turn.catch(() => {});
    return turn;
  };
}

/** A name to show, without what could climb out of a folder, were it ever used as a path. */
function safePath(name) {
  const parts = name.replaceAll("\\", "/").split("/").map((part) => part.replace(/\p{Cc}/gu, ""));
  return parts.filter((part) => !["", ".", ".."].includes(part) && !/^[A-Za-z]:$/.test(part)).join("/") || "unnamed";
}

/** Not to be read, for a reason of ours; `isWhole` says that it speaks against the archive and not against one entry. */
class Refused extends Error {
  constructor(fault, isWhole = false) {
    super(fault);
    this.fault = fault;
    this.isWhole = isWhole;
  }
}

function faultOf(error) {
  return error.fault ?? FAULTS.get(error.message) ?? (error.name === "NotReadableError" ? "unreadable_source" : "archive_damaged");
}

function problem(source, reason) {
  return { source, header: { kind: "unreadable", reason } };
}
