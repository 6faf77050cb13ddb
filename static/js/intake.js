/** Speaks to the server's intake. Every failure becomes an `IntakeFault`: what to tell the person, and whether to repeat. */

import { retryAfterMilliseconds } from "./queue.js";
import { gettext } from "./translating.js";

const JSON_TIMEOUT = 60_000; // milliseconds
const FOREVER = Infinity;
const A_FEW_TIMES = 8;
const CONNECTION_LOST = gettext("Connection lost. We keep trying; nothing is lost.");
const SERVER_BUSY = gettext("The server is busy or restarting. We keep trying; nothing is lost.");
const SERVER_FAULT = gettext("The server had a problem with this part of the upload.");

const ATTEMPTS = { 408: FOREVER, 429: FOREVER, 500: A_FEW_TIMES, 502: FOREVER, 503: FOREVER, 504: FOREVER, 507: FOREVER };
const SENTENCES = {
  404: gettext("This upload is not there any more, or it belongs to another team."),
  413: gettext("The server, or a device in front of it, does not take requests of this size."),
  415: gettext("The server did not understand this part of the upload."),
  429: gettext("The server asked us to slow down. We go on in a moment."),
  507: gettext("The portal's storage is full. Please tell your administrator; we keep trying."),
};

/**
 * `kind` says whom it concerns: "line", "signed_out", "forbidden", "too_large", "stop" (the whole upload) or "refused" (one
 * parcel). `attempts` and `retryAfter` (milliseconds) are for `withRetries`.
 */
export class IntakeFault extends Error {
  constructor(message, facts) {
    super(message);
    Object.assign(this, { attempts: 0, retryAfter: 0, status: 0, code: "" }, facts);
  }
}

export function lineFault() {
  return new IntakeFault(CONNECTION_LOST, { kind: "line", attempts: FOREVER });
}

/** The fault that an HTTP answer means. `answer` is `{ status, body, retryAfter }`; `body` is null when it was not JSON. */
export function faultOf({ status, body, retryAfter }) {
  const code = body?.error ?? "";
  return new IntakeFault(body?.message || SENTENCES[status] || (status >= 500 ? SERVER_BUSY : SERVER_FAULT), {
    kind: kindOf(status, code),
    attempts: code === "digest_mismatch" ? A_FEW_TIMES : (ATTEMPTS[status] ?? 0),
    retryAfter: retryAfterMilliseconds(retryAfter),
    status,
    code,
  });
}

function kindOf(status, code) {
  if (status === 401) return "signed_out";
  if (status === 403) return "forbidden";
  if (status === 404 || (status === 409 && code !== "digest_mismatch")) return "stop";
  return status === 413 ? "too_large" : "refused";
}

/**
 * @param {object} doors `fetch`; `sendBlob(url, blob, headers, onProgress, signal)`, which answers `{ status, text, retryAfter }`;
 *   `session` with `token()`, `refresh()` (a new CSRF token) and `restore()` (resolves when the person has signed in again)
 */
export function makeIntake({ fetch, sendBlob, session }) {
  async function postJson(url, value) {
    const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": session.token() };
    const options = { method: "POST", headers, body: JSON.stringify(value), signal: AbortSignal.timeout(JSON_TIMEOUT) };
    const answer = await fetch(url, options).then(readAnswer, () => Promise.reject(lineFault()));
    return understood(answer);
  }

  /** The same form as on the upload's own page, which answers by leading there. */
  async function postCancel(url, pageUrl) {
    const options = { method: "POST", headers: { "X-CSRFToken": session.token() }, signal: AbortSignal.timeout(JSON_TIMEOUT) };
    const response = await fetch(url, options).catch(() => Promise.reject(lineFault()));
    const isDone = response.ok && new URL(response.url).pathname === new URL(pageUrl, response.url).pathname;
    if (!isDone) throw faultOf(await readAnswer(response));
  }

  async function postParcel(url, parcel, onProgress, signal) {
    const headers = {
      "Content-Type": "application/x-tar",
      Accept: "application/json",
      "X-CSRFToken": session.token(),
      "X-Parcel": parcel.key,
      "X-Parcel-Digest": parcel.digest,
    };
    if (parcel.fileDigest) headers["X-File-Digest"] = parcel.fileDigest; // a slice: only those of one file are joined
    const { status, text, retryAfter } = await sendBlob(url, parcel.blob, headers, onProgress, signal);
    return understood({ status, retryAfter, body: parsed(text) });
  }

  /** A session that ended is no failure of the upload: wait for the person, then ask again. */
  async function signedIn(ask) {
    for (let refreshed = false; ; ) {
      try {
        return await ask();
      } catch (error) {
        if (error.kind === "signed_out") await session.restore();
        else if (error.kind === "forbidden" && !refreshed) refreshed = await session.refresh().then(() => true);
        else throw error;
      }
    }
  }

  return {
    create: (url, begin) => signedIn(() => postJson(url, begin)),
    sendManifest: (url, manifest) => signedIn(() => postJson(url, manifest)),
    sendParcel: (url, parcel, onProgress, signal) => signedIn(() => postParcel(url, parcel, onProgress, signal)),
    cancel: (url, pageUrl) => signedIn(() => postCancel(url, pageUrl)),
    stopAdding: (url, addition, numbers) => signedIn(() => postJson(url, { addition, numbers })),
    reportUnreadable: (url, numbers) => signedIn(() => postJson(url, { numbers })),
  };
}

async function readAnswer(response) {
  const status = response.redirected ? 401 : response.status; // only the sign-in page is ever redirected to
  return { status, retryAfter: response.headers.get("Retry-After"), body: parsed(await response.text()) };
}

function understood(answer) {
  if (answer.status >= 200 && answer.status < 300 && answer.body !== null) return answer.body;
  if (answer.status >= 200 && answer.status < 400) throw faultOf({ ...answer, status: 502 });
  throw faultOf(answer);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
