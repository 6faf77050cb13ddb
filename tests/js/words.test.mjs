import assert from "node:assert/strict";
import { test } from "node:test";

import * as words from "../../static/js/words.js";

test("progress is one line of files, bytes in the unit of the whole, and time left", () => {
  const left = { count: 3, unit: "minute" };

  const line = words.progress({ filesDone: 412, files: 1204, bytesDone: 210_400_000, bytes: 610_000_000, left });

  assert.equal(line, "412 of 1,204 files · 210 of 610 MB · about 3 minutes left");
});

test("an unknown time left is not named", () => {
  assert.equal(words.progress({ filesDone: 0, files: 1, bytesDone: 0, bytes: 500, left: null }), "0 of 1 file · 0 of 1 KB");
});

test("sizes are decimal, as the limit is", () => {
  assert.deepEqual([0, 1, 999, 65_000, 99_900_000, 2_130_000_000].map(words.size), [
    "0 bytes",
    "1 byte",
    "999 bytes",
    "65 KB",
    "99.9 MB",
    "2.13 GB",
  ]);
});

test("one is not plural", () => {
  assert.equal(words.files(1), "1 file");
  assert.equal(words.timeLeft({ count: 1, unit: "minute" }), "about 1 minute left");
});

test("the speed is named while it is known", () => {
  const line = words.progress({ filesDone: 1, files: 2, bytesDone: 1e6, bytes: 2e6, speed: 2_140_000, left: null });

  assert.equal(line, "1 of 2 files · 1 of 2 MB · 2.1 MB/s");
});

test("a date is written out, and what is none stays", () => {
  assert.deepEqual(["20240229", "", "2024", "20241399"].map(words.date), ["29 Feb 2024", "", "2024", "20241399"]);
});

test("a moment is written as the other pages write it", () => {
  assert.equal(words.moment(new Date(2024, 1, 29, 7, 5).toISOString()), "29 Feb 2024, 07:05");
});
