/** Measures the line: how large the next parcel should be, and how long the rest will take. Pure: the clock is passed in. */

export const SMALLEST_PARCEL = 1024 * 1024; // bytes
export const FIRST_PARCEL = 4 * 1024 * 1024; // bytes, before anything is known of the line
const PARCEL_SECONDS = 4; // of the line's time, for one of the lanes
const WINDOW = 20_000; // milliseconds that the speed is taken over
const FIRST_ESTIMATE = 10_000; // milliseconds of data before the time left is named

/** Remembers how many bytes were through at which moment; bytes may go back when a request fails. */
export function makePace(lanes = 3) {
  const samples = [];
  let shown = null;

  function add(bytes, now) {
    samples.push({ bytes, now });
    while (samples.length > 2 && samples[1].now < now - WINDOW) samples.shift();
  }

  /** Bytes a second over the window; 0 while unknown. */
  function speed() {
    if (samples.length < 2) return 0;
    const first = samples[0];
    const last = samples[samples.length - 1];
    return last.now > first.now ? Math.max(0, ((last.bytes - first.bytes) * 1000) / (last.now - first.now)) : 0;
  }

  function parcelBytes(largest) {
    const known = speed();
    const wished = known === 0 ? FIRST_PARCEL : (known / lanes) * PARCEL_SECONDS;
    return Math.min(largest, Math.max(SMALLEST_PARCEL, Math.round(wished)));
  }

  /** Whole units left as `{ count, unit }`, or null while it can't be said. It falls freely, but rises only by more than two units. */
  function timeLeft(restBytes) {
    const measured = samples.length < 2 ? 0 : samples[samples.length - 1].now - samples[0].now;
    if (speed() === 0 || (measured < FIRST_ESTIMATE && shown === null)) return null;
    const next = inUnits(restBytes / speed());
    if (shown !== null && shown.unit === next.unit && next.count > shown.count && next.count - shown.count <= 2) return shown;
    shown = next;
    return shown;
  }

  return { add, speed, parcelBytes, timeLeft };
}

function inUnits(seconds) {
  if (seconds < 60) return { count: Math.max(10, Math.ceil(seconds / 10) * 10), unit: "second" };
  if (seconds < 90 * 60) return { count: Math.ceil(seconds / 60), unit: "minute" };
  return { count: Math.ceil(seconds / 3600), unit: "hour" };
}
