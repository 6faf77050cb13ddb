/** What sort of object and what sort of file: by SOP class UID (PS3.4 B.5) and by name. The same rules as the server's. */

const STORAGE = "1.2.840.10008.5.1.4.1.1.";
const ROOTS = [
  ["image", ["1", "2", "3", "4", "5", "6", "20", "128", "130", "12", "13", "14", "77.1", "77.2", "481.1"]],
  ["secondary", ["7"]],
  ["report", ["88", "11"]],
  ["document", ["104"]],
];
const NOT_IMAGE = new Set(["4.2", "77.1.5.3"]);

const SYSTEM_FOLDERS = new Set(["__macosx", ".spotlight-v100", ".trashes", ".fseventsd", "$recycle.bin"]);
const SYSTEM_FILES = new Set([".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", "autorun.inf"]);
// Endings of a viewer's programs, pages, pictures and settings. No image is named so.
const VIEWER_ENDINGS = new Set(
  (
    "bat bmp cfg chm class cmd com css dll doc docx exe gif hlp htm html ico inf ini jar jpeg jpg js lnk log md ocx " +
    "pdf png rtf swf sys txt url xml xsl"
  ).split(" "),
);

/** @returns {"image"|"secondary"|"report"|"document"|"other"} */
export function kindOf(classUid) {
  if (!classUid.startsWith(STORAGE)) return "other";
  const suffix = classUid.slice(STORAGE.length);
  if (NOT_IMAGE.has(suffix)) return "other";
  const isUnder = (root) => suffix === root || suffix.startsWith(`${root}.`);
  return ROOTS.find(([, roots]) => roots.some(isUnder))?.[0] ?? "other";
}

/** Whether the path names a file that computers leave on every CD and in every ZIP. The name is a hint. */
export function isSystemName(path) {
  const folders = path.replaceAll("\\", "/").toLowerCase().split("/");
  const name = folders.pop();
  return name.startsWith("._") || SYSTEM_FILES.has(name) || folders.some((folder) => SYSTEM_FOLDERS.has(folder));
}

/** Whether nobody would miss the file: a system's, or one of 0 bytes by whose name it never was an image. */
export function isJunk({ path, size }) {
  const name = path.replaceAll("\\", "/").split("/").pop().toLowerCase();
  const isViewers = name.includes(".") && VIEWER_ENDINGS.has(name.split(".").pop());
  return isSystemName(path) || (size === 0 && (name.startsWith(".") || isViewers));
}
