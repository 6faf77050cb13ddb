import assert from "node:assert/strict";
import { test } from "node:test";

import { FIRST_PARCEL, SMALLEST_PARCEL, makePace } from "../../static/js/pace.js";

const LARGEST = 32 * 1024 * 1024;

function paceOf(bytesPerSecond, seconds, lanes = 3) {
  const pace = makePace(lanes);
  for (let second = 0; second <= seconds; second += 1) pace.add(second * bytesPerSecond, second * 1000);
  return pace;
}

test("the first parcel is of a middle size, before the line is known", () => {
  assert.equal(makePace().parcelBytes(LARGEST), FIRST_PARCEL);
});

test("a parcel is a few seconds of one lane's share of the line", () => {
  assert.equal(paceOf(12_000_000, 5).parcelBytes(LARGEST), 16_000_000);
});

test("a slow line gets the smallest parcels and a fast one the largest", () => {
  assert.equal(paceOf(20_000, 5).parcelBytes(LARGEST), SMALLEST_PARCEL);
  assert.equal(paceOf(500_000_000, 5).parcelBytes(LARGEST), LARGEST);
});

test("a limit below the smallest parcel holds", () => {
  assert.equal(paceOf(20_000, 5).parcelBytes(300_000), 300_000);
});

test("the speed is that of the last seconds", () => {
  const pace = paceOf(10_000_000, 30);
  for (let second = 31; second <= 60; second += 1) pace.add(300_000_000 + (second - 30) * 1_000_000, second * 1000);

  assert.ok(Math.abs(pace.speed() - 1_000_000) < 50_000);
});

test("the time left is not named before there are ten seconds of data", () => {
  assert.equal(paceOf(1_000_000, 9).timeLeft(90_000_000), null);
  assert.deepEqual(paceOf(1_000_000, 10).timeLeft(170_000_000), { count: 3, unit: "minute" });
});

test("the time left falls freely but rises only by more than two units", () => {
  const pace = paceOf(1_000_000, 10);

  assert.equal(pace.timeLeft(170_000_000).count, 3);
  assert.equal(pace.timeLeft(290_000_000).count, 3);
  assert.equal(pace.timeLeft(110_000_000).count, 2);
  assert.equal(pace.timeLeft(590_000_000).count, 10);
});

test("a line that stands still has no time left to name", () => {
  assert.equal(paceOf(0, 20).timeLeft(1000), null);
});
