/** Walks the data elements of a file up to its pixels, reading little of it. dicom-parser finds where sequences end. */

import dicomParser from "./dicom_parser.js";

export const UNDEFINED = 0xffffffff;
export const EXPLICIT_LITTLE = { isImplicit: false, isLittle: true };

const WINDOW = 64 * 1024; // bytes read at once
const TRIES = [1, WINDOW, 4 * WINDOW, 32 * WINDOW]; // bytes, first what has been read already: a longer sequence of undefined length is not followed
const READ_LIMIT = 16 * 1024 * 1024; // bytes read of one header
const LONGEST_VALUE = 64 * 1024; // bytes: a longer value is none that we want
const SHORTEST_ELEMENT = 8; // bytes: a tag and a length
const LONGEST_HEAD = 12; // bytes: tag, VR, two that are reserved, length
const ITEM_END = 0xfffee00d;
const PIXEL_TAGS = new Set([0x7fe00008, 0x7fe00009, 0x7fe00010]);

const SHORT_VRS = new Set("AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split(" "));
const LONG_VRS = new Set("OB OD OF OL OV OW SQ SV UC UN UR UT UV".split(" "));

/** The bytes are no sound data elements, or end within one. */
export class Damaged extends Error {}

/** Following the header any further would take too much memory or time. */
export class TooComplex extends Error {}

/**
 * Walk elements from `from` until `isBehind(tag)`, the pixels, or the end of the file.
 * @param {object} view what `makeView` made of the file
 * @param {object} encoding `{ isImplicit, isLittle }`
 * @param {Map} values filled with tag -> bytes for the tags in `wanted`; a sequence's value is null
 * @returns {Promise<{end: number, pixels: {tag, offset, length}|null}>}
 */
export async function walk(view, from, encoding, wanted, values, isBehind = () => false) {
  let at = from;
  while (view.size - at >= SHORTEST_ELEMENT) {
    // Most elements lie in the window, and waiting for each of them would cost more than reading it.
    const element = headOf(view.near(at, LONGEST_HEAD) ?? (await view.bytes(at, LONGEST_HEAD)), at, encoding);
    if (isBehind(element.tag)) break;
    if (PIXEL_TAGS.has(element.tag)) return { end: at, pixels: { tag: element.tag, offset: element.valueAt, length: element.length } };
    if (element.tag === ITEM_END) throw new Damaged("an item ends outside of a sequence");
    const end = element.length === UNDEFINED ? await endOfUndefined(view, element, encoding) : endOf(view, element);
    if (wanted.has(element.tag)) values.set(element.tag, await valueOf(view, element));
    at = end;
  }
  return { end: at, pixels: null };
}

/**
 * A window over a file that moves forward with the walk, and grows where a sequence is longer.
 * @param {{size: number, read: function(number, number): Promise<Uint8Array>}} file
 */
export function makeView(file) {
  let start = 0;
  let window = new Uint8Array(0);
  let left = READ_LIMIT;

  async function move(at, length) {
    left -= length;
    if (left < 0) throw new TooComplex("the header is too long");
    window = await file.read(at, Math.min(at + length, file.size));
    start = at;
  }

  /** Up to `length` bytes from `at`, fewer only at the end of the file; null when they have not been read. */
  function near(at, length) {
    const end = Math.min(at + length, file.size);
    return at < start || end > start + window.length ? null : window.subarray(at - start, end - start);
  }

  /** The same, read where they have not been. */
  async function bytes(at, length) {
    if (near(at, length) === null) await move(at, Math.max(WINDOW, length));
    return near(at, length) ?? new Uint8Array(0);
  }

  /** All that has been read from `at`, and at least `length` bytes if there are as many. */
  async function rest(at, length) {
    await bytes(at, length);
    return window.subarray(at - start);
  }

  return { size: file.size, near, bytes, rest };
}

/** Tag, VR and length of the element at `at`; one that lacks its VR is read as implicit, as some writers do. */
function headOf(bytes, at, { isImplicit, isLittle }) {
  const short = isLittle ? (from) => bytes[from] + 256 * bytes[from + 1] : (from) => 256 * bytes[from] + bytes[from + 1];
  const long = isLittle ? (from) => short(from) + 65536 * short(from + 2) : (from) => 65536 * short(from) + short(from + 2);
  const tag = 65536 * short(0) + short(2);
  const vr = isImplicit ? null : String.fromCharCode(bytes[4], bytes[5]);
  if (vr === null || !(vr >= "AA" && vr <= "ZZ")) {
    return { tag, vr: null, at, valueAt: at + 8, length: long(4) };
  }
  if (SHORT_VRS.has(vr)) return { tag, vr, at, valueAt: at + 8, length: short(6) };
  if (!LONG_VRS.has(vr)) throw new Damaged("an element has an unknown VR");
  if (bytes.length < 12) throw new Damaged("the file ends within an element");
  return { tag, vr, at, valueAt: at + 12, length: long(8) };
}

function endOf(view, element) {
  const end = element.valueAt + element.length;
  if (end > view.size) throw new Damaged("an element is longer than the file");
  return end;
}

async function endOfUndefined(view, element, encoding) {
  for (const length of TRIES) {
    const bytes = await view.rest(element.at, length);
    const end = element.at + sequenceLength(bytes, element.vr === null ? { ...encoding, isImplicit: true } : encoding);
    if (!Number.isNaN(end)) return end;
    if (element.at + bytes.length >= view.size) throw new Damaged("a sequence is damaged, or the file ends within it");
  }
  throw new TooComplex("a sequence is too long");
}

/** How many bytes the element takes by which the bytes begin; NaN when they don't hold it whole and sound. */
function sequenceLength(bytes, { isImplicit, isLittle }) {
  const parser = isLittle ? dicomParser.littleEndianByteArrayParser : dicomParser.bigEndianByteArrayParser;
  const stream = new dicomParser.ByteStream(parser, bytes, 0);
  const warnings = [];
  try {
    if (isImplicit) dicomParser.readDicomElementImplicit(stream);
    else dicomParser.readDicomElementExplicit(stream, warnings);
  } catch (error) {
    if (typeof error !== "string") throw new TooComplex("sequences are nested too deeply"); // the stack is full
    return NaN;
  }
  const isCut = stream.position > bytes.length || warnings.length > 0 || stream.warnings.length > 0;
  return isCut ? NaN : stream.position;
}

async function valueOf(view, element) {
  if (element.length === UNDEFINED || element.vr === "SQ") return null;
  if (element.length > LONGEST_VALUE) return new Uint8Array(0);
  return (view.near(element.valueAt, element.length) ?? (await view.bytes(element.valueAt, element.length))).slice();
}
