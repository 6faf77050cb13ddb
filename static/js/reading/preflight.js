/**
 * What the AI may not take, said before sending (intended use, FDA summaries). Informs and never blocks. Pure.
 *
 *   qER      non-contrast CT of the head, adults (18 and older)
 *   qER-CTA  CT angiogram of the head, 22 and older
 *   qXR      X-ray of the chest, 22 and older
 */

const ADULT = { head_ct: 18, angiogram: 22, chest_xray: 22 }; // years
const FEWEST_SLICES = 10; // a head in slices of 5 mm has about 30
const TARGETS = new Set(["head_ct", "chest_xray"]);
const ANGIOGRAM = /\bCTA\b|ANGIO/i;

/**
 * @param {Array} tree as `buildTree` answers it
 * @param {object} listed `{ missing }`: how many images a DICOMDIR lists that the drop lacks (`missingFiles`)
 * @returns {Array<{code, series_uid?, study_uid?, count?, years?}>} what goes with the manifest as `warnings`. Codes:
 *   neither_head_ct_nor_chest_xray (a study), contrast, under_age (years: the age it starts at), few_slices (count: how
 *   many there are), gaps (count: numbers that are missing), missing_from_disc (count).
 */
export function preflight(tree, { missing = 0 } = {}) {
  const studies = tree.flatMap(({ studies: own }) => own);
  const warnings = studies.flatMap((study) => [...ofStudy(study), ...study.series.flatMap((series) => ofSeries(series))]);
  return missing > 0 ? [...warnings, { code: "missing_from_disc", count: missing }] : warnings;
}

function ofStudy({ uid, series }) {
  return series.some(({ use }) => TARGETS.has(use)) ? [] : [{ code: "neither_head_ct_nor_chest_xray", study_uid: uid }];
}

function ofSeries(series) {
  const found = [];
  const product = productOf(series);
  if (product === null) return gapsOf(series);
  if (product === "head_ct" && series.contrast) found.push({ code: "contrast", series_uid: series.uid });
  const age = ageOf(series.middle.header);
  if (age !== null && age < ADULT[product]) found.push({ code: "under_age", series_uid: series.uid, years: ADULT[product] });
  const isShort = product !== "chest_xray" && series.images < FEWEST_SLICES;
  if (isShort) found.push({ code: "few_slices", series_uid: series.uid, count: series.images });
  return [...found, ...gapsOf(series)];
}

function productOf({ use, contrast, description, protocol }) {
  if (use !== "head_ct") return TARGETS.has(use) ? use : null;
  return contrast && ANGIOGRAM.test(`${description} ${protocol}`.replaceAll("_", " ")) ? "angiogram" : "head_ct";
}

/** Numbers between the first and the last that no instance has; a series that counts in steps has none. */
function gapsOf({ uid, use, modality, files }) {
  const isStack = (modality === "CT" || modality === "MR") && (use === "head_ct" || use === "image");
  if (!isStack) return [];
  const numbers = [...new Set(files.map(({ header }) => header.instance.number).filter(Number.isInteger))].sort((a, b) => a - b);
  const steps = numbers.slice(1).map((number, index) => number - numbers[index]);
  const step = Math.min(...steps);
  if (steps.length === 0) return [];
  const missing = steps.reduce((sum, one) => sum + Math.ceil(one / step) - 1, 0);
  return missing > 0 && missing <= numbers.length ? [{ code: "gaps", series_uid: uid, count: missing }] : [];
}

/** Whole years at the time of the study: from the birth date, else from what the header says (PS3.5, VR AS). */
export function ageOf({ patient, study }) {
  const [born, taken] = [patient.birthDate, study.date].map((date) => (/^[12]\d{7}$/.test(date) ? Number(date) : null));
  if (born !== null && taken !== null && taken >= born) return Math.floor((taken - born) / 10_000);
  const written = /^(\d{3})([DWMY])$/.exec(patient.age);
  if (written === null) return null;
  return Math.floor(Number(written[1]) / { D: 365, W: 52, M: 12, Y: 1 }[written[2]]);
}
