/** Turns the bytes of a text into characters by the file's Specific Character Set (PS3.3 C.12.1.1.2, PS3.5 6.1). Pure. */

const ESCAPE = 0x1b;
const REPLACEMENT = "\ufffd";
const SPACE_OR_NUL = /^[ \0]+|[ \0]+$/g;
// What can break a page or turn its direction of writing: controls, lone surrogates, line separators, bidi controls.
const UNSAFE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const DELIMITERS = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x5c]); // a code extension ends here (PS3.5 6.1.2.5.3)
const NAME_DELIMITERS = new Set([...DELIMITERS, 0x3d, 0x5e]); // and in names at "=" and "^"

// The upper half of a single-byte set, by TextDecoder's label. "latin1" is ours: its label there means windows-1252.
const SINGLE = {
  "IR 100": "latin1",
  "IR 101": "iso-8859-2",
  "IR 109": "iso-8859-3",
  "IR 110": "iso-8859-4",
  "IR 126": "iso-8859-7",
  "IR 127": "iso-8859-6",
  "IR 138": "iso-8859-8",
  "IR 144": "iso-8859-5",
  "IR 148": "iso-8859-9",
  "IR 166": "windows-874",
  "IR 203": "iso-8859-15",
  "IR 13": "shift_jis",
};
const DOUBLE = { "IR 149": "euc-kr", "IR 58": "gbk" };
const WHOLE = { "ISO_IR 192": "utf-8", GB18030: "gb18030", GBK: "gbk" };

// What follows ESC, and the half of the code table that it fills (PS3.3, tables C.12-3 and C.12-4).
const ESCAPES = [
  ["$(D", { lower: "jis0212" }],
  ["$)C", { upper: "euc-kr" }],
  ["$)A", { upper: "gbk" }],
  ["$B", { lower: "jis0208" }],
  ["$@", { lower: "jis0208" }],
  ["(B", { lower: null }],
  ["(J", { lower: null }],
  [")I", { upper: "shift_jis" }],
  ["-A", { upper: "latin1" }],
  ["-B", { upper: "iso-8859-2" }],
  ["-C", { upper: "iso-8859-3" }],
  ["-D", { upper: "iso-8859-4" }],
  ["-F", { upper: "iso-8859-7" }],
  ["-G", { upper: "iso-8859-6" }],
  ["-H", { upper: "iso-8859-8" }],
  ["-L", { upper: "iso-8859-5" }],
  ["-M", { upper: "iso-8859-9" }],
  ["-T", { upper: "windows-874" }],
  ["-b", { upper: "iso-8859-15" }],
];

const decoders = new Map();

/**
 * Decode a text.
 * @param {Uint8Array} bytes
 * @param {string} characterSet the value of (0008,0005), "" when missing
 * @param {boolean} isName names have delimiters of their own
 * @returns {{text: string, isSure: boolean}} not sure: a byte had no character, or the file does not say which set it
 *   uses. The text is safe to show and never longer than the bytes.
 */
export function decodeText(bytes, characterSet, isName = false) {
  const { text, isSure } = isPlain(bytes) ? { text: latin1(bytes), isSure: true } : decode(bytes, characterSet, isName);
  const clean = text.replace(SPACE_OR_NUL, "").replace(UNSAFE, "").normalize("NFC");
  return { text: clean, isSure: isSure && !clean.includes(REPLACEMENT) };
}

/** A person's name as people read it: "DOE^JANE^^DR" is "DOE, JANE DR"; other writings follow in brackets. */
export function readableName(value) {
  const [first, ...others] = value.split("=").map(readableGroup).filter(Boolean);
  return first === undefined ? "" : [first, ...others.map((other) => `(${other})`)].join(" ");
}

function readableGroup(group) {
  const [family, ...rest] = group.split("^").map((part) => part.trim());
  const given = rest.filter(Boolean).join(" ");
  return [family, given].filter(Boolean).join(", ");
}

function isPlain(bytes) {
  return bytes.every((byte) => byte < 0x80 && byte !== ESCAPE);
}

function decode(bytes, characterSet, isName) {
  const names = characterSet.split("\\").map((name) => name.trim().toUpperCase());
  const whole = WHOLE[names[0]];
  if (whole) return { text: decoder(whole)(bytes), isSure: true };
  const upper = upperHalf(names[0]);
  const isUnnamed = upper === null && !bytes.includes(ESCAPE);
  if (isUnnamed) return { text: guess(bytes), isSure: false };
  return { text: decodeExtended(bytes, upper, isName ? NAME_DELIMITERS : DELIMITERS), isSure: true };
}

/** The set above 0x7f that a value of Specific Character Set names, if it names one. */
function upperHalf(name) {
  const number = name.replace(/^ISO[ _](2022 )?/, "").replace(/[-_]/g, " ");
  return SINGLE[number] ?? DOUBLE[number] ?? null;
}

/** No set is named although one is needed: UTF-8 proves itself, and Latin-1 is the most frequent of the others. */
function guess(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return latin1(bytes);
  }
}

/** ISO 2022: escapes fill the lower and the upper half of the code table, delimiters empty them again. */
function decodeExtended(bytes, firstUpper, delimiters) {
  let half = { lower: null, upper: firstUpper };
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === ESCAPE) {
      const escape = escapeAt(bytes, at + 1);
      if (escape === undefined) text += REPLACEMENT;
      half = { ...half, ...escape?.[1] };
      at += 1 + (escape?.[0].length ?? 0);
      continue;
    }
    if (half.lower === null && delimiters.has(bytes[at])) half = { lower: null, upper: firstUpper };
    const end = runEnd(bytes, at, half.lower === null ? delimiters : null);
    text += decodeRun(bytes.subarray(at, end), half);
    at = end;
  }
  return text;
}

function escapeAt(bytes, at) {
  const following = latin1(bytes.subarray(at, at + 3));
  return ESCAPES.find(([sequence]) => following.startsWith(sequence));
}

/** Bytes of one half, up to an escape or a delimiter. A delimiter is a run of its own. */
function runEnd(bytes, at, delimiters) {
  if (delimiters?.has(bytes[at])) return at + 1;
  const isUpper = bytes[at] >= 0x80;
  let end = at + 1;
  while (end < bytes.length && bytes[end] !== ESCAPE && bytes[end] >= 0x80 === isUpper && !delimiters?.has(bytes[end])) end += 1;
  return end;
}

function decodeRun(run, { lower, upper }) {
  if (run[0] >= 0x80) return upper === null ? REPLACEMENT.repeat(run.length) : decoder(upper)(run);
  return lower === null ? latin1(run) : decodeJapanese(run, lower);
}

/** Two bytes a character, which EUC-JP writes with the top bit set, and JIS X 0212 behind 0x8f. */
function decodeJapanese(run, set) {
  const bytes = [];
  for (let at = 0; at < run.length; at += 1) {
    if (run[at] <= 0x20) {
      bytes.push(run[at]);
      continue;
    }
    if (set === "jis0212") bytes.push(0x8f);
    bytes.push(run[at] | 0x80);
    if (at + 1 < run.length) bytes.push(run[at + 1] | 0x80);
    at += 1;
  }
  return decoder("euc-jp")(Uint8Array.from(bytes));
}

function decoder(label) {
  if (label === "latin1") return latin1;
  if (!decoders.has(label)) decoders.set(label, new TextDecoder(label, { ignoreBOM: true }));
  return (bytes) => decoders.get(label).decode(bytes);
}

function latin1(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}
