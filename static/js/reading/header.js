/** Reads the head of a file into a plain object. Never throws for what a file holds: the worst is kind "damaged". */

import { describesContrast } from "./contrast.js";
import { Damaged, EXPLICIT_LITTLE, TooComplex, UNDEFINED, makeView, walk } from "./elements.js";
import { inflateHead } from "./inflating.js";
import { kindOf } from "./kinds.js";
import { decodeText, readableName } from "./text.js";

const HEAD = 4096; // bytes that tell how a file begins, and where a damaged one names its SOP class
const MAGIC = "DICM";
const PREAMBLE = 128; // bytes
const DICOM_ROOT = "1.2.840.10008.";
const DIRECTORY_CLASS = "1.2.840.10008.1.3.10";
const IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2";
const EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1";
const EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2";
const DEFLATED = new Set(["1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"]);
const NATIVE = new Set([
  IMPLICIT_LITTLE_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_BIG_ENDIAN,
  "1.2.840.10008.1.2.1.99",
  "1.2.840.113619.5.2",
  "1.2.840.10008.1.20",
]);
const SUBSAMPLED = { YBR_FULL_422: 2, YBR_PARTIAL_422: 2, YBR_PARTIAL_420: 1.5 }; // samples stored for a pixel
const VALID_UID = /^(0|[1-9]\d*)(\.(0|[1-9]\d*))*$/;
const LONGEST_UID = 64;
const PROGRAMS = ["MZ", "\x7fELF", "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe"].concat(
  ["\xca\xfe\xba\xbe", "\xca\xfe\xba\xbf", "\xbe\xba\xfe\xca", "\xbf\xba\xfe\xca", "#!", "PK\x03\x04", "PK\x05\x06"],
);

const TAG = {
  mediaClass: 0x00020002,
  syntax: 0x00020010,
  directoryRecords: 0x00041220,
  characterSet: 0x00080005,
  imageType: 0x00080008,
  classUid: 0x00080016,
  instanceUid: 0x00080018,
  studyDate: 0x00080020,
  studyTime: 0x00080030,
  accession: 0x00080050,
  modality: 0x00080060,
  studyDescription: 0x00081030,
  seriesDescription: 0x0008103e,
  name: 0x00100010,
  id: 0x00100020,
  birthDate: 0x00100030,
  sex: 0x00100040,
  age: 0x00101010,
  contrastAgent: 0x00180010,
  bodyPart: 0x00180015,
  protocol: 0x00181030,
  viewPosition: 0x00185101,
  studyUid: 0x0020000d,
  seriesUid: 0x0020000e,
  seriesNumber: 0x00200011,
  instanceNumber: 0x00200013,
  samples: 0x00280002,
  photometric: 0x00280004,
  planar: 0x00280006,
  frames: 0x00280008,
  rows: 0x00280010,
  columns: 0x00280011,
  bitsAllocated: 0x00280100,
  bitsStored: 0x00280101,
  highBit: 0x00280102,
  isSigned: 0x00280103,
  padding: 0x00280120,
  windowCenter: 0x00281050,
  windowWidth: 0x00281051,
  intercept: 0x00281052,
  slope: 0x00281053,
  pixelUrl: 0x00287fe0,
};
const WANTED = new Set(Object.values(TAG));

/**
 * Read a file's head: 64 KB in one go, more only where the header is longer, never the pixels.
 * @param {{size: number, read: function(number, number): Promise<Uint8Array>}} file
 * @returns {Promise<object>} `kind` is "dicom", "headerless" (DICOM without a file header), "dicomdir", "not_dicom" or
 *   "damaged"; `reason` says why it is not sent, by the server's codes, or is null. The rest is there when it was found:
 *   `patient`, `study`, `series`, `instance`. Rejects only with what `read` rejects with.
 */
export async function readHeader(file) {
  if (file.size === 0) return { kind: "damaged", reason: "empty" };
  const view = makeView(file);
  const head = (await view.bytes(0, HEAD)).slice();
  const layout = layoutOf(head);
  if (layout.metaAt === null && !startsDataSet(head)) return { kind: "not_dicom", reason: "not_dicom" };
  const header = await readGuarded(file, view, head, layout);
  const isProgram = layout.isWhole && PROGRAMS.some((magic) => startsWith(head, magic));
  return isProgram ? { ...header, kind: "damaged", reason: "executable_preamble" } : header;
}

async function readGuarded(file, view, head, layout) {
  const found = { values: new Map(), syntax: "", encoding: EXPLICIT_LITTLE, pixels: null, size: file.size };
  let fault = null;
  try {
    await readElements(file, view, layout, found);
  } catch (error) {
    const isUnseen = found.size === Infinity; // only the head was inflated
    if (error instanceof TooComplex || isUnseen) fault = "too_complex";
    else if (error instanceof Damaged) fault = "unreadable_header";
    else throw error;
  }
  return judge(found, fault, layout, layout.isWhole || latin1(head).includes(DICOM_ROOT));
}

async function readElements(file, view, layout, found) {
  let at = 0;
  if (layout.metaAt !== null) {
    const meta = await metaEncoding(view, layout.metaAt);
    const { end } = await walk(view, layout.metaAt, meta, WANTED, found.values, (tag) => tag >>> 16 !== 2);
    found.syntax = textOf(found.values.get(TAG.syntax));
    at = end;
  }
  let data = view;
  if (DEFLATED.has(found.syntax)) {
    const inflated = await inflateHead(file, at);
    found.size = inflated.isWhole ? inflated.size : Infinity;
    data = makeView(inflated);
    at = 0;
  }
  found.encoding = encodingAt(await data.bytes(at, 8), found.syntax);
  found.pixels = (await walk(data, at, found.encoding, WANTED, found.values)).pixels;
}

async function metaEncoding(view, at) {
  const first = encodingAt(await view.bytes(at, 8), "");
  return { isImplicit: first.isImplicit, isLittle: true };
}

function judge(found, fault, { isWhole, metaAt }, isSurelyDicom) {
  const { values } = found;
  if (textOf(values.get(TAG.mediaClass)) === DIRECTORY_CLASS || values.has(TAG.directoryRecords)) {
    return { kind: "dicomdir", reason: "dicomdir", instance: { syntax: found.syntax, encoding: found.encoding } };
  }
  const uids = [TAG.classUid, TAG.instanceUid, TAG.studyUid, TAG.seriesUid].map((tag) => textOf(values.get(tag)));
  const uidFault = faultOf(uids);
  const isForced = !isWhole && !uids[0].startsWith(DICOM_ROOT);
  const isHarmless = fault === "too_complex" && uidFault === null; // who it is, is known: the server reads on
  if (fault === "unreadable_header" && !isSurelyDicom) return { kind: "not_dicom", reason: "not_dicom" };
  if (fault && !isHarmless) return { kind: "damaged", reason: fault, ...(uidFault === null ? facts(found) : {}) };
  if (uidFault && isForced) return { kind: "not_dicom", reason: "not_dicom" };
  if (uidFault) return { kind: "damaged", reason: uidFault };
  const all = facts(found);
  const isSyntaxKnown = isWhole || found.syntax || (metaAt === null && found.pixels?.length !== UNDEFINED);
  if (!isSyntaxKnown) return { kind: "damaged", reason: "unreadable_header", ...all };
  if (!isHarmless && isTruncated(found, all.instance)) return { kind: "damaged", reason: "truncated_pixels", ...all };
  return { kind: metaAt === null ? "headerless" : "dicom", reason: null, ...all };
}

function faultOf(uids) {
  if (uids.some((uid) => uid === "")) return "missing_uid";
  return uids.every((uid) => uid.length <= LONGEST_UID && VALID_UID.test(uid)) ? null : "invalid_uid";
}

/** By the lengths alone. Whether all pieces of compressed pixels are there is left to the server. */
function isTruncated({ values, pixels, size, syntax }, instance) {
  const needsPixels = instance.kind === "image" || instance.kind === "secondary";
  if (pixels === null) return needsPixels && !values.has(TAG.pixelUrl) && size !== Infinity;
  if (pixels.length === UNDEFINED) return false;
  if (pixels.offset + pixels.length > size) return true;
  return (syntax === "" || NATIVE.has(syntax)) && pixels.length < nativeBytes(instance);
}

function nativeBytes({ rows, columns, frames, samples, photometric, bitsAllocated, pixels }) {
  const bits = { 0x7fe00008: 32, 0x7fe00009: 64 }[pixels.tag] ?? bitsAllocated;
  const stored = Math.min(samples, SUBSAMPLED[photometric] ?? samples);
  return Math.ceil((rows * columns * stored * frames * bits) / 8);
}

function facts(found) {
  const characterSet = textOf(found.values.get(TAG.characterSet));
  const unsure = [];
  const code = (key) => textOf(found.values.get(TAG[key]));
  const text = (key, isName = false) => {
    const decoded = decodeText(found.values.get(TAG[key]) ?? new Uint8Array(0), characterSet, isName);
    if (!decoded.isSure) unsure.push(key);
    return decoded.text;
  };
  const name = text("name", true);
  const patient = { id: text("id"), name, shownName: readableName(name), birthDate: dateOf(code("birthDate")), sex: code("sex"), age: code("age") };
  const study = {
    uid: code("studyUid"),
    date: dateOf(code("studyDate")),
    time: code("studyTime"),
    description: text("studyDescription"),
    accession: text("accession"),
  };
  return { patient, study, series: seriesOf(code, text), instance: instanceOf(found, code), unsure };
}

function seriesOf(code, text) {
  const description = text("seriesDescription");
  const protocol = text("protocol");
  return {
    uid: code("seriesUid"),
    number: numberOf(code("seriesNumber")),
    modality: code("modality"),
    description,
    protocol,
    bodyPart: code("bodyPart"),
    viewPosition: code("viewPosition"),
    contrast: describesContrast(text("contrastAgent"), `${description} ${protocol}`),
  };
}

function instanceOf({ values, pixels, syntax, encoding }, code) {
  const short = (key) => shortOf(values.get(TAG[key]), encoding.isLittle);
  const decimals = (key) => code(key).split("\\").map(numberOf).filter((value) => value !== null);
  return {
    uid: code("instanceUid"),
    classUid: code("classUid"),
    kind: kindOf(code("classUid")),
    number: numberOf(code("instanceNumber")),
    imageType: code("imageType").split("\\").filter(Boolean),
    rows: short("rows") ?? 0,
    columns: short("columns") ?? 0,
    frames: Math.max(1, Math.trunc(numberOf(code("frames")) ?? 1)),
    syntax: syntax || syntaxOf(encoding),
    encoding,
    samples: short("samples") || 1,
    photometric: code("photometric"),
    planar: short("planar") ?? 0,
    bitsAllocated: short("bitsAllocated") ?? 0,
    bitsStored: short("bitsStored") ?? 0,
    highBit: short("highBit") ?? 0,
    isSigned: short("isSigned") === 1,
    padding: short("padding"),
    window: { centers: decimals("windowCenter"), widths: decimals("windowWidth") },
    rescale: { slope: decimals("slope")[0] ?? 1, intercept: decimals("intercept")[0] ?? 0 },
    pixels,
  };
}

function layoutOf(head) {
  if (latin1(head.subarray(PREAMBLE, PREAMBLE + 4)) === MAGIC) return { metaAt: PREAMBLE + MAGIC.length, isWhole: true };
  if (startsWith(head, `${MAGIC}\x02\x00`)) return { metaAt: MAGIC.length, isWhole: false };
  if (startsWith(head, "\x02\x00") && isVr(head.subarray(4, 6))) return { metaAt: 0, isWhole: false };
  return { metaAt: null, isWhole: false };
}

function startsDataSet(head) {
  return startsWith(head, "\x08\x00") || startsWith(head, "\x00\x08");
}

/** Tell the encoding from the first bytes of a data set; files often say one and hold the other. */
function encodingAt(first, syntax) {
  const isImplicit = !isVr(first.subarray(4, 6));
  if (syntax) return { isImplicit, isLittle: isImplicit || syntax !== EXPLICIT_BIG_ENDIAN };
  const group = (first[0] ?? 0) + 256 * (first[1] ?? 0);
  return { isImplicit, isLittle: isImplicit || group < 0x0400 };
}

function syntaxOf({ isImplicit, isLittle }) {
  if (isImplicit) return IMPLICIT_LITTLE_ENDIAN;
  return isLittle ? EXPLICIT_LITTLE_ENDIAN : EXPLICIT_BIG_ENDIAN;
}

function isVr(two) {
  return /^[A-Z]{2}$/.test(latin1(two));
}

function textOf(value) {
  return latin1(value ?? new Uint8Array(0)).replace(/[\0 ]+$/, "").replace(/^ +/, "");
}

function shortOf(value, isLittle) {
  if (!value || value.length < 2) return null;
  return isLittle ? value[0] + 256 * value[1] : value[1] + 256 * value[0];
}

function numberOf(text) {
  const value = Number(text.split("\\")[0].trim() || NaN);
  return Number.isFinite(value) ? value : null;
}

/** 1997.04.24 was written before 1993. */
function dateOf(text) {
  return text.replaceAll(".", "");
}

function startsWith(bytes, magic) {
  return latin1(bytes.subarray(0, magic.length)) === magic;
}

function latin1(bytes) {
  return String.fromCharCode(...bytes);
}
