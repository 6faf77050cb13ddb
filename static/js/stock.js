/** The pieces that wait to be sent, and the one parcel that is packed from them ahead of its turn. Knows no network. */

import { takeParcel } from "./parcels.js";

/**
 * @param {function} pack pieces -> Promise of what `packParcel` answers
 * @param {function} limit the most bytes that a parcel may have at the moment
 */
export function makeStock({ pack, limit }) {
  let waiting = [];
  let ahead = null; // a parcel

  /** A parcel is `{ pieces, packed }`: `packed` is the promise of it, or null when nobody has begun to pack it. */
  function take() {
    const parcel = ahead ?? cut();
    ahead = null;
    return parcel;
  }

  function cut() {
    return waiting.length === 0 ? undefined : { pieces: takeParcel(waiting, limit()), packed: null };
  }

  /** Pack the next parcel while others are on the line: lanes that end at the same moment would leave it idle to pack. */
  function prepare() {
    if (ahead !== null || waiting.length === 0) return;
    ahead = cut();
    ahead.packed = pack(ahead.pieces);
    ahead.packed.catch(() => {}); // told to the lane that takes the parcel
  }

  /** These go first; what was packed ahead is cut anew, because it may be too large as well. */
  function putBack(pieces) {
    unpack();
    waiting.unshift(...pieces);
  }

  function drop(isGone) {
    unpack();
    waiting = waiting.filter((piece) => !isGone(piece));
  }

  function clear() {
    ahead = null;
    waiting = [];
  }

  function unpack() {
    waiting.unshift(...(ahead?.pieces ?? []));
    ahead = null;
  }

  return { add: (...pieces) => waiting.push(...pieces), take, prepare, putBack, drop, clear, isEmpty: () => ahead === null && waiting.length === 0 };
}
