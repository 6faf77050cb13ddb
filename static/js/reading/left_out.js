/** What will not be sent and why, in groups a person can read. Pure. */

import { isSendable, useOf } from "./tree.js";

const PROGRAMS = /\.(exe|dll|ocx|msi|cab|bat|cmd|com|sys|drv|inf|ini|cfg|jar|class|app|dylib|so|bin|chm|hlp|manifest|lnk|dat|db|reg)$/i;
const PAGES = /\.(html?|css|js|json|xml|xsl|md|log|csv|url|nfo)$/i;
const DOCUMENTS = /\.(pdf|docx?|rtf|txt)$/i; // a patient's report as likely as a viewer's manual
const PICTURES = /\.(jpe?g|png|gif|bmp|ico|tiff?|svg|webp|avi|mpe?g|mp4|mov|wmv)$/i;
const ARCHIVES = /\.(zip|rar|7z|tar|gz|tgz|iso|img)$/i;

/** The groups in the order in which they are told: what a person may have to act on comes first. */
export const GROUPS = [
  "unreadable", // reason unreadable_source, or an archive's own: see archive.js
  "damaged", // unreadable_header, truncated_pixels, missing_uid, invalid_uid, too_complex
  "held_back", // executable_preamble
  "too_large",
  "empty",
  "archives", // not opened
  "reports", // not_an_image: the team leaves them out
  "documents", // not DICOM
  "dicomdir",
  "viewer_files", // system files, programs and pages of a CD's viewer
  "pictures", // JPEG and the like: not DICOM
  "other_files",
];

/**
 * @param {Array<{source, header}>} files of any kind
 * @param {object} rules `{ largestFile: bytes, leavesOutReports: boolean }`
 * @returns {{sent: Array, groups: Array<{group, reasons, count, bytes, files}>}} `reasons` counts the server's codes; each
 *   of the `files` has its own as `reason`
 */
export function leaveOut(files, { largestFile = Infinity, leavesOutReports = false } = {}) {
  const sent = [];
  const groups = new Map(GROUPS.map((group) => [group, { group, reasons: {}, count: 0, bytes: 0, files: [] }]));
  for (const file of files) {
    const reason = reasonOf(file, largestFile, leavesOutReports);
    if (reason === null) sent.push(file);
    else add(groups.get(groupOf(file, reason)), file, reason);
  }
  return { sent, groups: [...groups.values()].filter(({ count }) => count > 0) };
}

function reasonOf(file, largestFile, leavesOutReports) {
  const { header, source } = file;
  if (!isSendable(file)) return header.reason;
  if (source.size > largestFile) return "too_large";
  const isReport = leavesOutReports && ["report", "document"].includes(useOf(header));
  return isReport ? "not_an_image" : null;
}

function groupOf({ header, source }, reason) {
  if (header.kind === "unreadable") return ARCHIVES.test(source.path) && reason !== "unreadable_source" ? "archives" : "unreadable";
  if (reason === "executable_preamble") return "held_back";
  if (reason === "not_an_image") return "reports";
  if (["too_large", "empty", "dicomdir"].includes(reason)) return reason;
  if (reason === "system_file") return "viewer_files";
  if (reason !== "not_dicom") return "damaged";
  return groupByName(source.path);
}

function groupByName(path) {
  if (ARCHIVES.test(path)) return "archives";
  if (PICTURES.test(path)) return "pictures";
  if (DOCUMENTS.test(path)) return "documents";
  return PROGRAMS.test(path) || PAGES.test(path) ? "viewer_files" : "other_files";
}

function add(group, file, reason) {
  group.reasons[reason] = (group.reasons[reason] ?? 0) + 1;
  group.count += 1;
  group.bytes += file.source.size;
  group.files.push({ ...file, reason });
}
