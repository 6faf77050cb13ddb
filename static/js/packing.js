/** Turns the pieces of a parcel into its TAR and its digest, and finds the files that the computer can't read. */

import { isWhole, memberName, wholePiece } from "./parcels.js";
import { isUnreadable } from "./sources.js";
import { tarBlob } from "./tar.js";

const READS_AT_ONCE = 4; // bounds the bytes in memory: the TAR itself only refers to the files
const NONE = new Uint8Array(0);

let turn = Promise.resolve();

/**
 * @param {Array<{file, start, end}>} pieces whose `file.source` gives the bytes
 * @param {function} sha256 ArrayBuffer or Uint8Array -> Promise<ArrayBuffer>
 * @returns {Promise<{blob, digest, fileDigest, pieces, unreadable}>} `pieces` are in the parcel, `unreadable` are files left
 *   out of it. The digest is SHA-256, lower-case hexadecimal, over the SHA-256 digests of the members in their order;
 *   `fileDigest` is the SHA-256 of the whole file of which the parcel is a slice, and empty when it is none.
 */
export async function packParcel(pieces, sha256) {
  const whole = isWhole(pieces[0]) ? NONE : await wholeDigest(pieces[0].file, sha256);
  const members = whole === null ? [null] : await readInTurns(pieces, sha256);
  const kept = pieces.map((_, index) => index).filter((index) => members[index] !== null);
  return {
    blob: tarBlob(kept.map((index) => ({ name: memberName(pieces[index]), blob: members[index].blob }))),
    digest: hexadecimal(await sha256(joined(kept.map((index) => members[index].digest)))),
    fileDigest: hexadecimal(whole ?? NONE),
    pieces: kept.map((index) => pieces[index]),
    unreadable: pieces.filter((_, index) => members[index] === null).map((piece) => piece.file),
  };
}

export function hexadecimal(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function readInTurns(pieces, sha256) {
  const members = new Array(pieces.length);
  let next = 0;
  const lane = async () => {
    for (let index = next; index < pieces.length; index = next) {
      next += 1;
      members[index] = await memberOf(pieces[index], sha256);
    }
  };
  await Promise.all(Array.from({ length: READS_AT_ONCE }, lane));
  return members;
}

/** Of a file that goes in slices, taken once, and of one such file after the other: each is in memory whole. */
function wholeDigest(file, sha256) {
  const digest = () => memberOf(wholePiece(file), sha256).then((member) => member?.digest ?? null);
  file.digest ??= turn = turn.then(digest, digest);
  return file.digest;
}

/** Null when the bytes can't be read, or are no longer as many as they were when the file was chosen. */
async function memberOf({ file, start, end }, sha256) {
  try {
    const blob = await file.source.read(start, end);
    const bytes = await blob.arrayBuffer();
    return bytes.byteLength === end - start ? { blob, digest: new Uint8Array(await sha256(bytes)) } : null;
  } catch (error) {
    if (isUnreadable(error)) return null;
    throw error;
  }
}

function joined(digests) {
  const whole = new Uint8Array(digests.length * 32);
  digests.forEach((digest, index) => whole.set(digest, index * 32));
  return whole;
}
