/** An upload that was begun before, as the server tells it: which files belong to it, and by which name. */

import { hexadecimal } from "./packing.js";
import { keyOf } from "./reading/identity.js";
import { isSendable } from "./reading/tree.js";

/**
 * @param {object} begun `wanted` (the first letters of the SHA-256 of a path -> size, or null for any), `here` (the same ->
 *   size), `left_out` (letters of what was left out), `letters` (how many), `names` (what a path may begin with: "", and a
 *   name for each time that files were added), `adding` (the name that new files get, or null), `is_open` (new files may come)
 * @param {function} sha256
 * @returns {function} files -> Promise of a Map from each to `{ path, outside }`; `outside` is null, "already_here" or
 *   "not_of_this_upload"
 */
export function makePlacing({ wanted, here, left_out: leftOut, letters, names, adding, is_open: isOpen }, sha256) {
  const known = new Set([...Object.keys(wanted), ...Object.keys(here), ...leftOut]);
  const skipped = new Set(leftOut);

  async function candidatesOf({ path }) {
    const paths = names.map((name) => name + path);
    const digests = await Promise.all(paths.map(digestOf));
    return paths.map((candidate, index) => ({ path: candidate, digest: digests[index] }));
  }

  async function digestOf(path) {
    return hexadecimal(await sha256(new TextEncoder().encode(path))).slice(0, letters);
  }

  /** Bytes that have come are never taken for those of another file: two CDs hold the same names, in the same sizes. */
  async function placeOf({ source }) {
    const candidates = await candidatesOf(source);
    const missing = candidates.find(({ digest }) => digest in wanted && (wanted[digest] ?? source.size) === source.size);
    if (missing) return { path: missing.path, outside: null };
    return adding === null ? placeAmong(candidates, source) : placeBeside(candidates, source);
  }

  function placeAmong(candidates, source) {
    const same = candidates.find(({ digest }) => here[digest] === source.size);
    if (same) return { path: same.path, outside: "already_here" };
    const named = candidates.find(({ digest }) => known.has(digest));
    const isNew = isOpen && !named;
    return { path: (named ?? candidates[0]).path, outside: isNew ? null : "not_of_this_upload" };
  }

  function placeBeside(candidates, source) {
    const own = candidates.find(({ path }) => path === adding + source.path);
    if (!known.has(own.digest) || skipped.has(own.digest)) return { path: own.path, outside: null };
    return { path: own.path, outside: here[own.digest] === source.size ? "already_here" : "not_of_this_upload" };
  }

  return async (files) => new Map(await Promise.all(files.map(async (file) => [file, await placeOf(file)])));
}

/**
 * @param {Array} files of any kind
 * @param {Array<string>} digests SHA-256 of the keys of the upload's patients; empty when none is known
 * @returns {Promise<Set<string>>} the keys of the files' patients who are none of them
 */
export async function othersAmong(files, digests, sha256) {
  if (digests.length === 0) return new Set();
  const keys = [...new Set(files.filter(isSendable).map(keyOf))];
  const found = await Promise.all(keys.map((key) => sha256(new TextEncoder().encode(key)).then(hexadecimal)));
  return new Set(keys.filter((_, index) => !digests.includes(found[index])));
}
