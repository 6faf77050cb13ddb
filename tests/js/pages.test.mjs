import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = join(fileURLToPath(new URL(".", import.meta.url)), "..", "..");

function filesUnder(folder, ending) {
  const found = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(ending));
  assert.ok(found.length > 0);
  return found.map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));
}

test("no template has a script, a style or a handler in it, or asks another server", () => {
  for (const { name, text } of filesUnder(join(ROOT, "templates"), ".html")) {
    assert.doesNotMatch(text, /<script(?![^>]*\ssrc=)/, name);
    assert.doesNotMatch(text, /<style|\sstyle=/, name);
    assert.doesNotMatch(text, /\son[a-z]+\s*=|\shx-on|javascript:/, name);
    assert.doesNotMatch(text, /(src|href|action)="(https?:)?\/\//, name);
  }
});

test("no script builds a page out of text, runs text, or makes up an address", () => {
  for (const { name, text } of filesUnder(join(ROOT, "static", "js"), ".js")) {
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, name);
    assert.doesNotMatch(text, /["'`]\/(intake|jobs|upload|accounts)/, name);
  }
});

test("htmx is told to leave styles and history alone and not to swap errors in", () => {
  const [, json] = /name="htmx-config" content='([^']+)'/.exec(readFileSync(join(ROOT, "templates", "base.html"), "utf8"));
  const config = JSON.parse(json);

  assert.equal(config.includeIndicatorCSS, false);
  assert.equal(config.history, false);
  assert.ok(config.noSwap.includes("4xx") && config.noSwap.includes("5xx"));
});
