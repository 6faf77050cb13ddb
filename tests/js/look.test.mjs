import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const sheet = (name) => readFileSync(new URL(`../../static/css/${name}.css`, import.meta.url), "utf8");
const CSS = sheet("portal");
const UPLOAD = sheet("upload");
const RECEIPT = sheet("receipt");
const JOB = sheet("job");
const HISTORY = sheet("history");
const TEXT = 4.5; // WCAG 2.2, 1.4.3
const CONTROL = 3; // WCAG 2.2, 1.4.11

const TOKENS = Object.fromEntries(
  [...CSS.matchAll(/--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(([, name, light, dark]) => [name, { light, dark }]),
);

function luminance(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

const GROUNDS = ["ground", "surface", "raised", "info-ground"];
const PAIRS = [
  ...GROUNDS.flatMap((ground) => ["text", "muted", "accent", "accent-strong"].map((ink) => [ink, ground, TEXT])),
  ...["good", "warn", "bad"].flatMap((tone) => [
    [tone, `${tone}-ground`, TEXT],
    [tone, "surface", TEXT],
    ["text", `${tone}-ground`, TEXT],
    ["muted", `${tone}-ground`, TEXT],
  ]),
  ["on-accent", "accent", TEXT],
  ["on-accent", "accent-strong", TEXT],
  ["on-film", "film", TEXT],
  ["edge", "ground", CONTROL],
  ["edge", "surface", CONTROL],
  ["accent", "surface", CONTROL],
];

for (const theme of ["light", "dark"]) {
  test(`every ink can be read on every ground it stands on, ${theme}`, () => {
    for (const [ink, ground, least] of PAIRS) {
      const found = contrast(TOKENS[ink][theme], TOKENS[ground][theme]);

      assert.ok(found >= least, `${ink} on ${ground}: ${found.toFixed(2)}`);
    }
  });
}

test("colors stand in the tokens only, so that both themes have them", () => {
  const rules = CSS.slice(CSS.indexOf("*, *::before")).replace(/@media print \{[\s\S]*$/, "");

  for (const text of [rules, UPLOAD, RECEIPT, JOB, HISTORY]) assert.doesNotMatch(text, /#[0-9a-f]{3,8}\b(?=[^{]*[;}])/i);
});

test("the style sheets stay small", () => {
  assert.ok(UPLOAD.length < 10_000);
  for (const text of [RECEIPT, JOB, HISTORY]) assert.ok(text.length < 2_000);
  assert.ok(CSS.length < 20_000);
});
