/** Runs work a few at a time and repeats what failed for a while, with growing, jittered waits. Knows no page and no network. */

const FIRST_WAIT = 1000; // milliseconds
const LONGEST_WAIT = 60_000; // milliseconds

/** Wait before attempt number `failures + 1`: doubled each time, half of it random, never less than the server asked for. */
export function backoff(failures, random = Math.random, retryAfter = 0) {
  const ceiling = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(failures - 1, 16));
  return Math.max(retryAfter, ceiling / 2 + (random() * ceiling) / 2);
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3) as milliseconds from `now`; 0 when absent or senseless. */
export function retryAfterMilliseconds(header, now = Date.now()) {
  if (!header) return 0;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}

/**
 * Call `act` until it succeeds or fails for good.
 * An error says by itself whether it is worth a repeat: `error.attempts` is how often it may happen in all
 * (Infinity for a lost connection), absent for a fault that a repeat can't mend. `error.retryAfter` is in milliseconds.
 * @param {object} clock `sleep(milliseconds)`, `random()`
 * @param {function} onRetry told `{ failures, wait, error }` before each wait
 */
export async function withRetries(act, clock, onRetry = () => {}) {
  for (let failures = 1; ; failures += 1) {
    try {
      return await act(failures - 1);
    } catch (error) {
      if (!(failures < (error.attempts ?? 0))) throw error;
      const wait = backoff(failures, clock.random, error.retryAfter ?? 0);
      onRetry({ failures, wait, error });
      await clock.sleep(wait);
    }
  }
}

/**
 * Take work and do it, at most `limit` at a time, until `take` has no more.
 * `take` gives a piece of work, a promise of one, or undefined at the end. `work` keeps its own errors: when it throws, all stops.
 */
export async function runAll(take, work, limit) {
  const lane = async () => {
    for (let job = await take(); job !== undefined; job = await take()) await work(job);
  };
  await Promise.all(Array.from({ length: limit }, lane));
}

/** A clock whose sleepers can be woken all at once, because the line is back or the person pressed "Try now". */
export function wakeableClock(setTimer = setTimeout, clearTimer = clearTimeout, random = Math.random) {
  const sleepers = new Set();
  const sleep = (milliseconds) =>
    new Promise((resolve) => {
      const wake = () => {
        clearTimer(timer);
        sleepers.delete(wake);
        resolve();
      };
      const timer = setTimer(wake, milliseconds);
      sleepers.add(wake);
    });
  return { sleep, random, wake: () => [...sleepers].forEach((wake) => wake()) };
}

/** Lets several wait for the same news, again and again. */
export function makeSignal() {
  let listeners = [];
  return {
    heard: () => new Promise((resolve) => listeners.push(resolve)),
    ring: () => {
      const told = listeners;
      listeners = [];
      told.forEach((resolve) => resolve());
    },
  };
}
