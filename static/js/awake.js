/** Keeps the screen awake while bytes move, where the browser allows it. */

export function makeAwake(navigator, document) {
  let isWanted = false;
  let lock = null;
  let isAsked = false; // a second lock asked for meanwhile would never be released

  async function take() {
    if (!isWanted || isAsked || lock !== null || document.visibilityState !== "visible") return;
    isAsked = true;
    const taken = await navigator.wakeLock?.request("screen").catch(() => null); // low battery, or not allowed
    isAsked = false;
    if (!taken) return;
    lock = taken;
    taken.addEventListener("release", () => {
      if (lock === taken) lock = null;
    });
    if (!isWanted) release();
  }

  function release() {
    lock?.release().catch(() => {});
    lock = null;
  }

  document.addEventListener("visibilitychange", take); // a hidden tab loses the lock
  return (isMoving) => {
    isWanted = isMoving;
    if (isMoving) take();
    else release();
  };
}
