/** Questions in a dialog: the page waits behind it. */

import { byId, element } from "./dom.js";
import { gettext, ngettext } from "./translating.js";
import * as words from "./words.js";

const NAMED = 10; // uploads that are named

/** Whether the person pressed the button with the value "yes". Escape says no. */
export function ask(id) {
  const dialog = byId(id);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

/**
 * @param {Array<{study_uid, job_url, continue_url, status_label, at, by}>} known studies that were sent before, or are on their
 *   way; `continue_url` leads to an unfinished upload that a person can finish
 * @returns {Promise<{isYes, instead}>} `instead` is the address at which the person goes on with such an upload
 */
export async function askKnown(known) {
  let instead = null;
  const jobs = [...new Map(known.map((one) => [one.job_url, one])).values()];
  const items = jobs.slice(0, NAMED).map(({ job_url: url, continue_url: unfinished, status_label: status, at, by }) => {
    const link = element("a", "", words.moment(at));
    Object.assign(link, { href: url, target: "_blank" });
    const item = element("li", "", link, " ", gettext("by %(name)s: %(status)s", { name: by, status }));
    if (unfinished) item.append(" ", goOn(unfinished));
    return item;
  });
  if (jobs.length > NAMED) items.push(element("li", "muted", gettext("and %(count)s more", { count: words.number(jobs.length - NAMED) })));
  byId("known-list").replaceChildren(...items);
  const studies = new Set(known.map(({ study_uid: uid }) => uid)).size;
  byId("known-title").textContent = jobs.every((one) => one.continue_url)
    ? ngettext("This study is in an unfinished upload", "%(count)s of these studies are in an unfinished upload", studies)
    : ngettext("This study was sent before", "%(count)s of these studies were sent before", studies);
  const isYes = await ask("known-dialog");
  return { isYes, instead };

  function goOn(url) {
    const button = element("button", "button button-small", gettext("Continue that upload"));
    button.type = "button";
    button.addEventListener("click", () => {
      instead = url;
      byId("known-dialog").close("no");
    });
    return button;
  }
}

/**
 * Resolves when the person is signed in again, here or in another tab. Escape closes the dialog, the page's button opens it again.
 * @param {object} session `signIn(username, password)` -> Promise of what went wrong, and `isSignedIn()`
 */
export function askToSignIn({ signIn, isSignedIn }) {
  const dialog = byId("sign-in-dialog");
  const password = byId("sign-in-password");
  const over = new AbortController();
  const on = (target, type, act) => target.addEventListener(type, act, { signal: over.signal });
  const open = () => {
    if (!dialog.open) dialog.showModal();
    password.focus();
  };
  open();
  return new Promise((resolve) => {
    const finish = () => {
      over.abort();
      byId("sign-in-form").reset();
      dialog.close();
      resolve();
    };
    on(byId("sign-in"), "click", open);
    on(dialog, "close", () => byId("sign-in").focus());
    on(window, "focus", async () => {
      if (await isSignedIn()) finish();
    });
    on(byId("sign-in-form"), "submit", async (event) => {
      event.preventDefault();
      byId("sign-in-problem").textContent = "";
      const problem = await signIn(byId("sign-in-username").value, password.value);
      if (problem === "") return finish();
      byId("sign-in-problem").textContent = problem;
      password.value = "";
      password.focus();
    });
  });
}
