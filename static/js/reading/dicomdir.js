/** Reads a CD's table of contents (PS3.3 F): which files it lists. The names are compared, never opened. */

import dicomParser from "./dicom_parser.js";

const LARGEST = 16 * 1024 * 1024; // bytes of a DICOMDIR that are read
const MOST_RECORDS = 100_000;
const LONGEST_ID = 8 * 17; // bytes: eight components of 16 (PS3.3 F.3.2.2), with what divides them
const RECORDS = "x00041220";
const IMAGE = "IMAGE";

/**
 * @param {{size: number, read: function(number, number): Promise<Blob>}} source
 * @returns {Promise<{files: Array<{type, path, instanceUid}>, isWhole: boolean}>} the files that the records refer to, their
 *   paths with "/"; not whole: the DICOMDIR is damaged or too large, and the list may lack some. Never rejects for that.
 */
export async function readDicomdir(source) {
  const blob = await source.read(0, Math.min(source.size, LARGEST));
  const bytes = new Uint8Array(await blob.arrayBuffer());
  try {
    const records = dicomParser.parseDicom(bytes).elements[RECORDS]?.items ?? [];
    const files = records.slice(0, MOST_RECORDS).map(({ dataSet }) => fileOf(dataSet)).filter((file) => file.path !== "");
    return { files, isWhole: source.size <= LARGEST && records.length <= MOST_RECORDS };
  } catch {
    return { files: [], isWhole: false };
  }
}

function fileOf(record) {
  const path = short(record, "x00041500", LONGEST_ID).split("\\").map((part) => part.trim()).filter(Boolean).join("/");
  return { type: short(record, "x00041430", 16), path, instanceUid: short(record, "x00041511", 64) };
}

function short(record, tag, limit) {
  const element = record.elements[tag];
  return element && element.length <= limit ? (record.string(tag) ?? "") : "";
}

/**
 * The images that the DICOMDIR lists and that were neither found in its folder nor, by their UID, anywhere else.
 * @param {Array} listed `files` of `readDicomdir`
 * @param {string} dicomdirPath where the DICOMDIR lay in the drop
 * @param {Array<{source, header}>} files what the drop held
 */
export function missingFiles(listed, dicomdirPath, files) {
  const folder = dicomdirPath.includes("/") ? dicomdirPath.slice(0, dicomdirPath.lastIndexOf("/") + 1) : "";
  const paths = new Set(files.map(({ source }) => plain(source.path)));
  const uids = new Set(files.map(({ header }) => header.instance?.uid).filter(Boolean));
  return listed.filter(({ type, path, instanceUid }) => type === IMAGE && !paths.has(plain(folder + path)) && !uids.has(instanceUid));
}

/** ISO 9660 knows capitals, versions (";1") and a dot behind names without extension; a copy may have none of these. */
function plain(path) {
  return path.toUpperCase().replace(/;\d+$/, "").replace(/\.$/, "");
}
