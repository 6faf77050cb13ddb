/** Puts numbers into words for clinicians, as the page's language writes them. Pure. */

import { gettext, language, ngettext } from "./translating.js";

// English here writes the day first; "Sep", not the "Sept" of en-GB, is how the other pages write it.
const MONTHS = language === "en" ? ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] : null;
const days = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const counts = new Intl.NumberFormat(language);
const hundredths = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

const LEFT = {
  second: (count) => ngettext("about %(count)s second left", "about %(count)s seconds left", count),
  minute: (count) => ngettext("about %(count)s minute left", "about %(count)s minutes left", count),
  hour: (count) => ngettext("about %(count)s hour left", "about %(count)s hours left", count),
};

export function number(value) {
  return counts.format(value);
}

export function files(count) {
  return ngettext("%(count)s file", "%(count)s files", count);
}

export function images(count) {
  return ngettext("%(count)s image", "%(count)s images", count);
}

/** "412 of 1,204 files" */
export function filesOf(done, count) {
  return ngettext("%(done)s of %(count)s file", "%(done)s of %(count)s files", count, { done: number(done) });
}

/** Decimal units, as Qure's limit is given in. */
export function size(bytes) {
  if (bytes < 1000) return ngettext("%(count)s byte", "%(count)s bytes", bytes);
  if (bytes < 1e6) return `${number(Math.round(bytes / 1e3))} KB`;
  if (bytes < 1e9) return `${rounded(bytes / 1e6)} MB`;
  return `${hundredths.format(bytes / 1e9)} GB`;
}

/** "412 of 1,204 files · 210 of 610 MB · 2.1 MB/s · about 3 minutes left" */
export function progress({ filesDone, files: count, bytesDone, bytes, speed = 0, left }) {
  const parts = [filesOf(filesDone, count), sizeOf(bytesDone, bytes)];
  if (speed > 0) parts.push(`${size(Math.round(speed))}/s`);
  if (left !== null) parts.push(timeLeft(left));
  return parts.join(" · ");
}

export function timeLeft({ count, unit }) {
  return LEFT[unit](count);
}

/** Whole seconds, at least one. */
export function seconds(milliseconds) {
  return Math.max(1, Math.ceil(milliseconds / 1000));
}

/** "20240229" as "29 Feb 2024"; what is no date stays as it is. */
export function date(digits) {
  const [, year, month, day] = (/^(\d{4})(\d\d)(\d\d)$/.exec(digits) ?? []).map(Number);
  const at = new Date(year, month - 1, day);
  return at.getMonth() === month - 1 && at.getDate() === day ? dayOf(at) : digits;
}

/** "29 Feb 2024, 14:05", as the other pages write it, in the computer's own time. */
export function moment(iso) {
  const at = new Date(iso);
  const time = [at.getHours(), at.getMinutes()].map((part) => String(part).padStart(2, "0")).join(":");
  return `${dayOf(at)}, ${time}`;
}

function dayOf(at) {
  return MONTHS === null ? days.format(at) : `${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()}`;
}

/** "210 of 610 MB": the unit of the whole, so that the two can be compared. */
function sizeOf(done, whole) {
  const [shown, unit] = unitOf(whole);
  return gettext("%(done)s of %(whole)s %(unit)s", { done: shown(done), whole: shown(whole), unit });
}

function unitOf(whole) {
  if (whole >= 1e9) return [(bytes) => hundredths.format(bytes / 1e9), "GB"];
  if (whole >= 1e6) return [(bytes) => rounded(bytes / 1e6), "MB"];
  return [(bytes) => number(bytes === whole ? Math.max(1, Math.round(bytes / 1e3)) : Math.round(bytes / 1e3)), "KB"];
}

function rounded(value) {
  return counts.format(value < 100 ? Number(value.toFixed(1)) : Math.round(value));
}
