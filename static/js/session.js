/** The person's session as the page sees it: the CSRF token, and what to do when the session has ended. */

import { lineFault } from "./intake.js";
import { gettext } from "./translating.js";

/**
 * @param {Document} page whose `<meta name="csrf-token">` holds the token
 * @param {string} loginUrl
 * @param {function} askToSignIn gets `{ signIn(username, password), isSignedIn() }`; its promise resolves when the person is
 *   signed in again
 */
export function makeSession({ page, loginUrl, askToSignIn, fetch = window.fetch.bind(window) }) {
  let restoring = null;

  /** Sign-in changes the token: read the new one out of a fresh copy of this page, or of the sign-in page. False while signed out. */
  async function reload() {
    const response = await fetch(page.location.href, { cache: "no-store" }).catch(() => Promise.reject(lineFault()));
    if (!response.ok) throw lineFault();
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    meta(page).content = meta(fresh).content;
    return !response.redirected;
  }

  /** What went wrong, as a sentence; "" when the person is signed in. */
  async function signIn(username, password) {
    try {
      if (await reload()) return ""; // in another tab, meanwhile
      const status = await postSignIn(username, password);
      if (status === 429) return gettext("There were too many attempts. Wait a few minutes, then try again.");
      if (status === 400) return gettext("The username or the password is not right.");
      return (await reload()) ? "" : gettext("You are not signed in yet. Try again, or sign in in a new tab.");
    } catch (error) {
      return error.message;
    }
  }

  /** The same form as on the sign-in page, which answers a script by its status. */
  async function postSignIn(username, password) {
    const headers = { "X-CSRFToken": meta(page).content, "X-Requested-With": "XMLHttpRequest" };
    const options = { method: "POST", headers, body: new URLSearchParams({ login: username, password }) };
    const response = await fetch(loginUrl, options).catch(() => Promise.reject(lineFault()));
    return response.status;
  }

  function restore() {
    restoring ??= askToSignIn({ signIn, isSignedIn: () => reload().catch(() => false) }).finally(() => {
      restoring = null;
    });
    return restoring;
  }

  async function refresh() {
    if (!(await reload())) await restore();
  }

  return { token: () => meta(page).content, refresh, restore };
}

function meta(page) {
  return page.querySelector('meta[name="csrf-token"]');
}
