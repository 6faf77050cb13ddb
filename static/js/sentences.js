/** What is said of files, series and warnings, in a clinician's words. Pure. */

import { gettext, ngettext } from "./translating.js";
import * as words from "./words.js";

const { files, images } = words;

const GROUPS = {
  not_chosen: (count) => ngettext("%(count)s file that you did not choose, of another patient", "%(count)s files that you did not choose, of another patient", count),
  not_of_this_upload: (count) => ngettext("%(count)s file that is not part of this upload", "%(count)s files that are not part of this upload", count),
  already_here: (count) => ngettext("%(count)s file that is here already", "%(count)s files that are here already", count),
  twice: (count) => ngettext("%(count)s file that is there twice, sent once", "%(count)s files that are there twice, sent once", count),
  unreadable: (count) => ngettext("%(count)s file or folder your computer could not read, not sent", "%(count)s files or folders your computer could not read, not sent", count),
  damaged: (count) => ngettext("%(count)s damaged file", "%(count)s damaged files", count),
  held_back: (count) => ngettext("%(count)s file with a hidden program", "%(count)s files with a hidden program", count),
  too_large: (count) => ngettext("%(count)s file too large for Qure, not sent", "%(count)s files too large for Qure, not sent", count),
  empty: (count) => ngettext("%(count)s empty file", "%(count)s empty files", count),
  archives: (count) => ngettext("%(count)s archive that was not opened", "%(count)s archives that were not opened", count),
  reports: (count) => ngettext("%(count)s report or document", "%(count)s reports and documents", count),
  documents: (count) => ngettext("%(count)s document that is not DICOM", "%(count)s documents that are not DICOM", count),
  dicomdir: (count) => ngettext("%(count)s DICOMDIR", "%(count)s DICOMDIRs", count),
  viewer_files: (count) => ngettext("%(count)s viewer file", "%(count)s viewer files", count),
  pictures: (count) => ngettext("%(count)s picture that is not DICOM", "%(count)s pictures that are not DICOM", count),
  other_files: (count) => ngettext("%(count)s other file", "%(count)s other files", count),
};
const PROBLEMS = new Set(["unreadable", "damaged", "held_back", "too_large", "archives"]);

const REASONS = {
  unreadable_source: gettext("Your computer can't read it; a CD may be scratched. Clean or copy the disc and drop it again: only what is missing is added."),
  unreadable_header: gettext("The DICOM header is damaged. Copy the file again from its source."),
  truncated_pixels: gettext("The image is incomplete: the file ends too early. Copy it again from its source."),
  missing_uid: gettext("The file does not say which study, series or image it belongs to (a UID is missing)."),
  invalid_uid: gettext("The file's study, series or image number (UID) is not valid; it may be cut off."),
  too_complex: gettext("The file is too complex to be read safely."),
  executable_preamble: gettext("A program is hidden before the image. Tell your administrator."),
  not_an_image: gettext("Your team's setting leaves reports and documents out."),
  dicomdir: gettext("The CD's table of contents; it holds no image."),
  system_file: gettext("A file of the computer or of the CD's viewer."),
  not_dicom: gettext("Not DICOM."),
  empty: gettext("The file has 0 bytes. Copy it again from its source."),
  too_large: gettext("Qure takes no larger files. It stays on your computer."),
  archive_encrypted: gettext("Protected with a password. Open it on your computer, then drop the folder."),
  archive_damaged: gettext("The archive is damaged or cut off. Copy it again from its source."),
  archive_unsupported: gettext("Packed in a way that can't be opened here. Open it on your computer, then drop the folder."),
  archive_split: gettext("A part of a divided archive. Open it on your computer, then drop the folder."),
  archive_too_large: gettext("Too much for one archive. Open it on your computer, then drop the folder."),
  archive_too_many: gettext("Too many files in one archive. Open it on your computer, then drop the folders."),
  archive_nested: gettext("An archive within an archive within an archive. Open it on your computer, then drop the folder."),
};
const GROUP_HINTS = {
  not_chosen: gettext("They stay on your computer."),
  not_of_this_upload: gettext("This upload was begun with other files. To send these too, choose “Add files” on the upload's page."),
  already_here: gettext("They have arrived; they are not sent again."),
  twice: gettext("You chose them more than once: the same path, the same size, the same image."),
};

const USES = {
  head_ct: gettext("Head CT"),
  chest_xray: gettext("Chest X-ray"),
  image: gettext("Images"),
  scout: gettext("Scout"),
  secondary: gettext("Screenshots"),
  report: gettext("Report"),
  document: gettext("Document"),
  other: gettext("Other data"),
};

const WARNINGS = {
  neither_head_ct_nor_chest_xray: () => gettext("neither a head CT nor a chest X-ray was found. Qure may give no result."),
  contrast: () => gettext("made with contrast. Qure reads head CTs without contrast."),
  under_age: ({ years }) => gettext("the patient is younger than %(years)s, the youngest age Qure's reading is meant for.", { years: words.number(years) }),
  few_slices: ({ count }) =>
    ngettext("only %(count)s image: few for a reading. Is the series complete?", "only %(count)s images: few for a reading. Is the series complete?", count),
  gaps: ({ count }) => ngettext("%(count)s image number is missing within the series.", "%(count)s image numbers are missing within the series.", count),
};

export function groupTitle({ group, count }) {
  return GROUPS[group](count);
}

export function isProblem({ group }) {
  return PROBLEMS.has(group);
}

/** Why, and what to do: one sentence for each reason that occurs in the group. */
export function groupReasons({ group, reasons }) {
  if (GROUP_HINTS[group]) return [GROUP_HINTS[group]];
  return Object.entries(reasons).map(([reason, count], _, all) => (all.length > 1 ? gettext("%(files)s: %(reason)s", { files: files(count), reason: REASONS[reason] }) : REASONS[reason]));
}

export function use(series) {
  return USES[series.use];
}

/** "3 · CT · HEAD 5mm" */
export function seriesName({ number, modality, description }) {
  return [number === null ? "" : String(number), modality, description].filter(Boolean).join(" · ") || gettext("Series without a name");
}

/** "24 images", or with frames "24 images in 1 file" */
export function amount({ images: pictures, count }) {
  if (pictures === 0) return files(count);
  return pictures === count ? images(pictures) : gettext("%(images)s in %(files)s", { images: images(pictures), files: files(count) });
}

export function idOf({ id }) {
  return id ? gettext("ID %(id)s", { id }) : gettext("ID missing");
}

export function birthOf({ birthDate }) {
  return birthDate ? gettext("born %(date)s", { date: words.date(birthDate) }) : gettext("no birth date");
}

export function studyName({ date, description }) {
  return [words.date(date) || gettext("No date"), description].filter(Boolean).join(" · ");
}

/**
 * How warnings call the studies and series of a tree: with the patient and the study where two have the same name.
 * @param {Array} tree of `buildTree`
 * @returns {function} the UID and the patient's key -> the name, or undefined
 */
export function namesOf(tree) {
  const named = tree.flatMap(({ key, patient, studies }) => studies.flatMap((study) => namesIn(study, patient.shownName || gettext("No name")).map((one) => ({ ...one, key }))));
  const uses = new Map();
  for (const { name } of named) uses.set(name, (uses.get(name) ?? 0) + 1);
  const names = new Map(named.map(({ uid, key, name, place }) => [`${uid}\n${key}`, uses.get(name) > 1 ? `${name} (${place})` : name]));
  return (uid, key) => names.get(`${uid}\n${key}`);
}

function namesIn(study, patient) {
  const place = `${patient}, ${studyName(study)}`;
  return [
    { uid: study.uid, name: gettext("Study of %(name)s", { name: studyName(study) }), place: patient },
    ...study.series.map((series) => ({ uid: series.uid, name: gettext("Series %(name)s", { name: seriesName(series) }), place })),
  ];
}

export function warning(one) {
  return WARNINGS[one.code](one);
}

export function discLacks({ count, missing }) {
  const found = count - missing.length;
  const listed = ngettext("The CD lists %(count)s image", "The CD lists %(count)s images", count);
  const arrived = ngettext("%(count)s was found.", "%(count)s were found.", found);
  return `${listed}, ${arrived}`;
}
