import assert from "node:assert/strict";
import { test } from "node:test";

import { backoff, retryAfterMilliseconds, runAll, wakeableClock, withRetries } from "../../static/js/queue.js";

const fault = (facts) => Object.assign(new Error("fault"), facts);

function countingClock() {
  const waits = [];
  return { waits, random: () => 0.5, sleep: async (milliseconds) => void waits.push(milliseconds) };
}

function failing(times, facts) {
  let calls = 0;
  return async () => {
    calls += 1;
    if (calls <= times) throw fault(facts);
    return calls;
  };
}

test("the waits grow, and never beyond a minute", () => {
  const waits = [1, 2, 3, 4, 20, 5000].map((failures) => backoff(failures, () => 1));

  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 60_000, 60_000]);
});

test("half of a wait is random, so that a thousand browsers don't come back at once", () => {
  assert.equal(backoff(3, () => 0), 2000);
  assert.equal(backoff(3, () => 0.5), 3000);
});

test("the server's own wish for a wait is honored when it is longer", () => {
  assert.equal(backoff(1, () => 1, 30_000), 30_000);
  assert.equal(backoff(7, () => 1, 10), 60_000);
});

test("Retry-After is read as seconds and as a date", () => {
  const now = Date.parse("Tue, 24 Nov 2026 10:00:00 GMT");

  assert.equal(retryAfterMilliseconds("12", now), 12_000);
  assert.equal(retryAfterMilliseconds("Tue, 24 Nov 2026 10:00:30 GMT", now), 30_000);
  assert.equal(retryAfterMilliseconds("Tue, 24 Nov 2026 09:00:00 GMT", now), 0);
  assert.equal(retryAfterMilliseconds("soon", now), 0);
  assert.equal(retryAfterMilliseconds(null, now), 0);
});

test("a lost connection is tried again until it is back", async () => {
  const clock = countingClock();

  const calls = await withRetries(failing(40, { attempts: Infinity }), clock);

  assert.equal(calls, 41);
  assert.equal(clock.waits.length, 40);
});

test("a fault with a limit is given up after its last attempt", async () => {
  const clock = countingClock();

  await assert.rejects(withRetries(failing(99, { attempts: 3 }), clock), /fault/);
  assert.equal(clock.waits.length, 2);
});

test("a fault that a repeat can't mend is not repeated", async () => {
  const clock = countingClock();

  await assert.rejects(withRetries(failing(1, {}), clock), /fault/);
  assert.deepEqual(clock.waits, []);
});

test("the person is told of each wait before it begins", async () => {
  const told = [];

  await withRetries(failing(2, { attempts: 9 }), countingClock(), ({ failures, wait }) => told.push([failures, wait]));

  assert.deepEqual(told, [[1, 750], [2, 1500]]);
});

test("never more than the limit run at once, and all are done", async () => {
  const left = Array.from({ length: 20 }, (_, index) => index);
  const done = [];
  let running = 0;
  let most = 0;
  const work = async (number) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running -= 1;
    done.push(number);
  };

  await runAll(() => left.shift(), work, 3);

  assert.equal(most, 3);
  assert.equal(done.length, 20);
});

test("all sleepers wake at once when the line is back", async () => {
  const clock = wakeableClock();
  const started = Date.now();

  const sleeping = Promise.all([clock.sleep(60_000), clock.sleep(50_000)]);
  clock.wake();
  await sleeping;

  assert.ok(Date.now() - started < 1000);
});

test("a sleeper wakes by itself when its time is over", async () => {
  await wakeableClock().sleep(1);
});
