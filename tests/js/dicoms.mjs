// DICOM files as the tests of the reader need them: small and synthetic.

const LONG = new Set(["OB", "OW", "SQ", "UN", "UT"]);
const encoder = new TextEncoder();

export const CT = "1.2.840.10008.5.1.4.1.1.2";
export const DX = "1.2.840.10008.5.1.4.1.1.1.1";
export const EXPLICIT = "1.2.840.10008.1.2.1";

/** One element in explicit VR little endian; the value is text, bytes, or a number (US). */
export function element(tag, vr, value) {
  const bytes = padded(typeof value === "number" ? Uint8Array.of(value & 0xff, value >> 8) : typeof value === "string" ? encoder.encode(value) : value);
  const head = new DataView(new ArrayBuffer(LONG.has(vr) ? 12 : 8));
  head.setUint16(0, tag >>> 16, true);
  head.setUint16(2, tag & 0xffff, true);
  head.setUint8(4, vr.charCodeAt(0));
  head.setUint8(5, vr.charCodeAt(1));
  if (LONG.has(vr)) head.setUint32(8, bytes.length, true);
  else head.setUint16(6, bytes.length, true);
  return joined([new Uint8Array(head.buffer), bytes]);
}

/** A slice of CT of two by two pixels. `extra` are further or other elements: `{ tag: [vr, value] }`; null leaves one out. */
export function slice(extra = {}, pixels = new Uint8Array(8)) {
  const values = {
    0x00080016: ["UI", CT],
    0x00080018: ["UI", "2.25.1.1.1"],
    0x00080020: ["DA", "20240229"],
    0x00080060: ["CS", "CT"],
    0x0008103e: ["LO", "HEAD 5mm"],
    0x00100010: ["PN", "PHANTOM^TEST"],
    0x00100020: ["LO", "P1"],
    0x00100030: ["DA", "19500101"],
    0x0020000d: ["UI", "2.25.1"],
    0x0020000e: ["UI", "2.25.1.1"],
    0x00200013: ["IS", "1"],
    0x00280002: ["US", 1],
    0x00280004: ["CS", "MONOCHROME2"],
    0x00280010: ["US", 2],
    0x00280011: ["US", 2],
    0x00280100: ["US", 16],
    0x00280101: ["US", 16],
    0x00280102: ["US", 15],
    0x00280103: ["US", 0],
    0x7fe00010: ["OW", pixels],
    ...extra,
  };
  const tags = Object.keys(values).map(Number).filter((tag) => values[tag] !== null).sort((a, b) => a - b);
  return part10(joined(tags.map((tag) => element(tag, ...values[tag]))));
}

export function part10(dataSet, syntax = EXPLICIT) {
  return joined([new Uint8Array(128), encoder.encode("DICM"), element(0x00020010, "UI", syntax), dataSet]);
}

export function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A file as `readHeader` takes it; `reads` tells what was read of it. */
export function fileOf(bytes) {
  const reads = [];
  const read = async (start, end) => {
    reads.push([start, end]);
    return bytes.subarray(start, end);
  };
  return { size: bytes.length, read, reads };
}

/** A source as the page has it. */
export function sourceOf(path, bytes) {
  const file = new Blob([bytes]);
  return { path, size: bytes.length, read: async (start, end) => file.slice(start, end), file };
}

function padded(bytes) {
  return bytes.length % 2 === 0 ? bytes : joined([bytes, Uint8Array.of(0)]);
}
