/** Decides which files, or which slice of a large one, travel together in the next parcel. Pure. */

import { END_BYTES, memberBytes } from "./tar.js";

export const FILES_PER_PARCEL = 1000;
const SLICE_STEP = 64 * 1024; // bytes: slices start at round offsets

/**
 * A piece is `{ file, start, end }`: the bytes of `file` (which has `number` and `size`) from `start` up to `end`.
 * `waiting` is the list of pieces still to send, first come, first served; what is taken is removed from it.
 * @returns {Array} the pieces of the next parcel, whose TAR has at most `limitBytes` bytes; empty when none waits
 */
export function takeParcel(waiting, limitBytes) {
  if (waiting.length === 0) return [];
  if (!fits(waiting[0], limitBytes)) return [takeSlice(waiting, limitBytes)];
  if (!isWhole(waiting[0])) return [waiting.shift()];
  const taken = countThatFit(waiting, limitBytes);
  return waiting.splice(0, taken);
}

export function wholePiece(file) {
  return { file, start: 0, end: file.size };
}

export function isWhole(piece) {
  return piece.start === 0 && piece.end === piece.file.size;
}

/** The member's name that the server expects: "17", or "17.33554432" for a slice. */
export function memberName(piece) {
  return isWhole(piece) ? String(piece.file.number) : `${piece.file.number}.${piece.start}`;
}

export function pieceBytes(pieces) {
  return pieces.reduce((total, piece) => total + piece.end - piece.start, 0);
}

function fits(piece, limitBytes) {
  return END_BYTES + memberBytes(piece.end - piece.start) <= limitBytes;
}

function countThatFit(waiting, limitBytes) {
  let bytes = END_BYTES;
  let count = 0;
  while (count < waiting.length && count < FILES_PER_PARCEL && isWhole(waiting[count])) {
    bytes += memberBytes(waiting[count].file.size);
    if (bytes > limitBytes) break;
    count += 1;
  }
  return count;
}

/** Cut a slice off the first piece and leave the rest of it in its place. */
function takeSlice(waiting, limitBytes) {
  const piece = waiting[0];
  const room = limitBytes - END_BYTES - memberBytes(0);
  const step = Math.max(SLICE_STEP, Math.floor(room / SLICE_STEP) * SLICE_STEP);
  const cut = Math.min(piece.start + step, piece.end);
  waiting[0] = { file: piece.file, start: cut, end: piece.end };
  if (cut === piece.end) waiting.shift();
  return { file: piece.file, start: piece.start, end: cut };
}
