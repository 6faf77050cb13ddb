import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const FOLDER = new URL("../../static/vendor/", import.meta.url);
const OWN = new Set(["VENDOR.json", "package.json"]);
const LISTED = JSON.parse(readFileSync(new URL("VENDOR.json", FOLDER), "utf8"));
const FILES = LISTED.flatMap(({ files }) => files);

for (const { file, sha256 } of FILES) {
  test(`${file} is byte for byte what was taken in`, () => {
    const content = readFileSync(new URL(file, FOLDER));

    assert.equal(createHash("sha256").update(content).digest("hex"), sha256);
  });
}

for (const { file } of FILES.filter(({ file }) => file.endsWith(".js") && !file.startsWith("htmx"))) {
  test(`${file} makes no code out of text, which the page's policy forbids`, () => {
    assert.doesNotMatch(readFileSync(new URL(file, FOLDER), "utf8"), /\beval\s*\(|new Function\s*\(/);
  });
}

test("every vendored file is listed, with its licence beside it", () => {
  const known = new Set([...FILES.map(({ file }) => file), ...LISTED.map((entry) => entry.licence_file), ...OWN]);
  const there = readdirSync(FOLDER, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.replace(/\/+/g, "/").slice(FOLDER.pathname.length));

  assert.deepEqual(there.sort(), [...known].sort());
});
