import assert from "node:assert/strict";
import { test } from "node:test";

import { gettext, ngettext } from "../../static/js/translating.js";

/** The module as a page in another language has it. */
async function inGerman(catalog) {
  const node = { textContent: JSON.stringify(catalog) };
  globalThis.document = { documentElement: { lang: "de" }, getElementById: () => node };
  try {
    return await import(`../../static/js/translating.js?${Math.random()}`);
  } finally {
    delete globalThis.document;
  }
}

test("without a page all is said as it is written", () => {
  assert.equal(gettext("Sent by %(name)s", { name: "Ada" }), "Sent by Ada");
});

test("one and many have words of their own, and the number is written as the language does", () => {
  assert.equal(ngettext("%(count)s file", "%(count)s files", 1), "1 file");
  assert.equal(ngettext("%(count)s file", "%(count)s files", 1204), "1,204 files");
});

test("a page's catalog takes the place of the words", async () => {
  const german = await inGerman({ "Send": "Senden", "%(count)s file": ["%(count)s Datei", "%(count)s Dateien"] });

  assert.equal(german.gettext("Send"), "Senden");
  assert.equal(german.ngettext("%(count)s file", "%(count)s files", 1), "1 Datei");
  assert.equal(german.ngettext("%(count)s file", "%(count)s files", 1204), "1.204 Dateien");
  assert.equal(german.language, "de");
});

test("what has no translation is said as it is written", async () => {
  const german = await inGerman({});

  assert.equal(german.gettext("Send"), "Send");
});

test("a value with a place in it stays as it is", () => {
  assert.equal(gettext("%(one)s %(two)s", { one: "%(two)s", two: "2" }), "%(two)s 2");
});
