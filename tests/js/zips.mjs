// ZIP archives as the tests need them: whole, and broken in known ways.
import { crc32, deflateRawSync } from "node:zlib";

import { joined } from "./dicoms.mjs";

const METHODS = { stored: 0, deflate: 8, deflate64: 9, bzip2: 12 };
const encoder = new TextEncoder();

/**
 * @param {Array<{name, content, method?, packed?, isEncrypted?, crc?, declared?}>} entries `packed` are bytes that were packed
 *   elsewhere, `crc` and `declared` (a size) are lies
 */
export function zip(entries) {
  const locals = [];
  const centrals = [];
  let offset = 0;
  for (const entry of entries) {
    const local = localOf(entry);
    centrals.push(centralOf(entry, offset));
    locals.push(local);
    offset += local.length;
  }
  const directory = joined(centrals);
  return joined([...locals, directory, endOf(entries.length, directory.length, offset)]);
}

function localOf(entry) {
  const { name, packed } = factsOf(entry);
  return joined([fields([[4, 0x04034b50], [2, 20], ...common(entry), [2, name.length], [2, 0]]), name, packed]);
}

function centralOf(entry, offset) {
  const { name } = factsOf(entry);
  const rest = [[2, name.length], [2, 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]];
  return joined([fields([[4, 0x02014b50], [2, 20], [2, 20], ...common(entry), ...rest]), name]);
}

function endOf(count, size, offset) {
  return fields([[4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0]]);
}

function common(entry) {
  const { method, content, packed } = factsOf(entry);
  const sums = [[4, entry.crc ?? crc32(content)], [4, packed.length], [4, entry.declared ?? content.length]];
  return [[2, entry.isEncrypted ? 1 : 0], [2, method], [2, 0], [2, 0x21], ...sums];
}

function factsOf(entry) {
  const content = entry.content ?? new Uint8Array(0);
  const method = entry.method ?? "deflate";
  const packed = entry.packed ?? (method === "deflate" ? deflateRawSync(content) : content);
  return { name: encoder.encode(entry.name), content, method: METHODS[method], packed };
}

function fields(list) {
  const view = new DataView(new ArrayBuffer(list.reduce((sum, [size]) => sum + size, 0)));
  let at = 0;
  for (const [size, value] of list) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return new Uint8Array(view.buffer);
}

/** `count` times one letter (below 0x90) by Deflate64: the letter, then one repeat longer than Deflate can say. */
export function deflate64Run(letter, count) {
  const bits = [1, 1, 0]; // the last block, with the fixed codes
  const push = (value, length) => bits.push(...Array.from({ length }, (_, index) => (value >> (length - 1 - index)) & 1));
  push(0x30 + letter, 8);
  push(0b11000101, 8); // length code 285, which is 3 and 16 further bits in Deflate64
  bits.push(...Array.from({ length: 16 }, (_, index) => ((count - 1 - 3) >> index) & 1));
  push(0, 5); // one byte back
  push(0, 7); // the end
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, index) => (bytes[index >> 3] |= bit << (index & 7)));
  return bytes;
}
