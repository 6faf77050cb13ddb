/** Sends a Blob and reports how far it is. `fetch` can't tell that, so this is the one place with an XMLHttpRequest. */

import { lineFault } from "./intake.js";

const STALL = 60_000; // milliseconds without a byte moving; afterwards the same wait for the answer

/** @returns {Promise<{status, text, retryAfter}>}; rejects with a "line" fault when no answer came, or `signal` stopped it */
export function sendBlob(url, blob, headers, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    let watchdog = 0;
    const moving = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(abort, STALL);
    };
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => {
      moving();
      onProgress(event.loaded);
    });
    request.addEventListener("loadend", () => {
      clearTimeout(watchdog);
      signal.removeEventListener("abort", abort);
      if (request.status === 0) reject(lineFault());
      else resolve({ status: request.status, text: request.responseText, retryAfter: request.getResponseHeader("Retry-After") });
    });
    signal.addEventListener("abort", abort);
    moving();
    request.send(blob);
  });
}
