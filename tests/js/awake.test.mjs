import assert from "node:assert/strict";
import { setImmediate as soon } from "node:timers/promises";
import { test } from "node:test";

import { makeAwake } from "../../static/js/awake.js";

/** A page whose browser gives locks and counts those that are held. */
function pageWith({ isAllowed = true } = {}) {
  const page = Object.assign(new EventTarget(), { visibilityState: "visible", held: 0, lock: null });
  const request = async () => {
    if (!isAllowed) throw new DOMException("low battery", "NotAllowedError");
    page.held += 1;
    page.lock = Object.assign(new EventTarget(), {
      release: async () => {
        page.held -= 1;
      },
    });
    return page.lock;
  };
  return { page, keepAwake: makeAwake({ wakeLock: { request } }, page) };
}

test("the screen is kept awake while bytes move, and only then", async () => {
  const { page, keepAwake } = pageWith();

  keepAwake(true);
  keepAwake(true);
  await soon();
  const whileMoving = page.held;
  keepAwake(false);
  await soon();

  assert.equal(whileMoving, 1);
  assert.equal(page.held, 0);
});

test("a tab that was hidden keeps the screen awake again when it is looked at", async () => {
  const { page, keepAwake } = pageWith();
  keepAwake(true);
  await soon();
  page.held -= 1;
  page.lock.dispatchEvent(new Event("release")); // the browser takes it from a hidden tab

  page.dispatchEvent(new Event("visibilitychange"));
  await soon();

  assert.equal(page.held, 1);
});

test("a browser that does not allow it, or can't, is no trouble", async () => {
  const { page, keepAwake } = pageWith({ isAllowed: false });
  const withoutLocks = makeAwake({}, page);

  keepAwake(true);
  withoutLocks(true);
  await soon();

  assert.equal(page.held, 0);
});
