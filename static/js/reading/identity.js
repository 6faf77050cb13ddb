/** Whose files these are, and what a person must decide before any of them leaves the computer. Pure. */

/**
 * The same key means the same patient: by ID and birth date, not by the spelling of a name. Without both, the name decides.
 * The server has the same rule; tests/identity_cases.json holds both to it.
 */
export function patientKey({ id = "", birthDate = "", name = "" }) {
  const known = trimmed(id);
  const born = knownDate(birthDate);
  return known || born ? `id|${known}|${born}` : `name|${foldedName(name)}`;
}

function trimmed(text) {
  return text.replace(/^[\s\0]+|[\s\0]+$/g, "");
}

/** The digits of a date; one that is all zeros is none. */
function knownDate(text) {
  const digits = text.replace(/[^0-9]/g, "");
  return /^0*$/.test(digits) ? "" : digits;
}

/** The first writing of the name ("=" divides them), in capitals, with one space for what divides its parts. */
function foldedName(name) {
  const first = name.split("=").find((writing) => /[^\s^]/.test(writing)) ?? "";
  return first.replace(/[\s^\0]+/g, " ").trim().toUpperCase();
}

/**
 * What has to be asked. `files` are `{ source, header }` that would be sent, `others` the keys of patients who are not in the
 * upload that they are added to.
 * @returns {Array<object>} questions, each with what there is to choose from:
 *   `{ code: "several_patients", patients: [summary] }` – which of them to send;
 *   `{ code: "other_patient", patients: [summary] }` – one, and not one of the upload's: whether to add them;
 *   `{ code: "study_of_two_patients", studyUid, patients: [summary] }` – one study under two IDs;
 *   `{ code: "series_of_two_patients", studyUid, seriesUid, patients: [summary] }` – one series with two patients;
 *   a summary is `{ key, id, name, birthDate, sex, count, bytes, spellings, isOther }`. A study is not asked about again when its
 *   series are.
 */
export function questions(files, others = new Set()) {
  const patients = patientsOf(files).map((patient) => ({ ...patient, isOther: others.has(patient.key) }));
  if (patients.length < 2) return patients.some(({ isOther }) => isOther) ? [{ code: "other_patient", patients }] : [];
  const series = split(files, (header) => header.series.uid).map(([seriesUid, group]) => {
    return { code: "series_of_two_patients", studyUid: group[0].header.study.uid, seriesUid, patients: patientsOf(group) };
  });
  const asked = new Set(series.map(({ studyUid }) => studyUid));
  const studies = split(files, (header) => header.study.uid)
    .filter(([studyUid]) => !asked.has(studyUid))
    .map(([studyUid, group]) => ({ code: "study_of_two_patients", studyUid, patients: patientsOf(group) }));
  return [{ code: "several_patients", patients }, ...series, ...studies];
}

/** The groups of files, by `uidOf`, that belong to more than one patient. */
function split(files, uidOf) {
  const groups = new Map();
  for (const file of files) {
    const uid = uidOf(file.header);
    if (!groups.has(uid)) groups.set(uid, []);
    groups.get(uid).push(file);
  }
  return [...groups].filter(([, group]) => new Set(group.map(keyOf)).size > 1);
}

/** The patients of the files, those with the most files first. */
export function patientsOf(files) {
  const patients = new Map();
  for (const file of files) {
    const { id, shownName, birthDate, sex } = file.header.patient;
    const key = keyOf(file);
    if (!patients.has(key)) patients.set(key, { key, id, name: shownName, birthDate, sex, count: 0, bytes: 0, names: new Set() });
    const patient = patients.get(key);
    patient.count += 1;
    patient.bytes += file.source.size;
    patient.names.add(shownName);
  }
  const all = [...patients.values()].map(({ names, ...patient }) => ({ ...patient, spellings: [...names] }));
  return all.sort((one, other) => other.count - one.count);
}

/**
 * The files that the person chose.
 * @param {object} answers `{ patients: Set of keys to send, series: Map of series UID -> Set of keys, studies: Map of study
 *   UID -> Set of keys }`. What has no answer is not sent: a series or study that was asked about needs one of its own.
 */
export function chosen(files, answers, others = new Set()) {
  const asked = questions(files, others);
  if (asked.length === 0) return files;
  const series = new Set(asked.map(({ seriesUid }) => seriesUid));
  const studies = new Set(asked.filter(({ code }) => code === "study_of_two_patients").map(({ studyUid }) => studyUid));
  return files.filter((file) => {
    const { study, series: own } = file.header;
    const key = keyOf(file);
    if (!answers.patients.has(key)) return false;
    if (series.has(own.uid)) return answers.series.get(own.uid)?.has(key) ?? false;
    return studies.has(study.uid) ? (answers.studies.get(study.uid)?.has(key) ?? false) : true;
  });
}

/** What goes with the manifest as `confirmed`: the patients of the chosen files. */
export function confirmed(files) {
  return patientsOf(files).map(({ key }) => {
    const { id, birthDate, name } = files.find((file) => keyOf(file) === key).header.patient;
    return { id, birth_date: birthDate, name };
  });
}

export function keyOf(file) {
  file.key ??= patientKey(file.header.patient);
  return file.key;
}
