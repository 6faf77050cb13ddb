import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeText, readableName } from "../../static/js/reading/text.js";

const bytes = (...parts) => Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...part].map((c) => c.charCodeAt(0)) : part)));
const ESC = 0x1b;

for (const [set, raw, text] of [
  ["", bytes("DOE^JANE"), "DOE^JANE"],
  ["ISO_IR 6", bytes("DOE"), "DOE"],
  ["ISO_IR 100", bytes("J", 0xe9, "r", 0xf4, "me"), "Jérôme"],
  ["ISO_IR 101", bytes(0xa3, "ukasz"), "Łukasz"],
  ["ISO_IR 109", bytes(0xa1, 0xa6), "ĦĤ"],
  ["ISO_IR 110", bytes(0xa9), "Š"],
  ["ISO_IR 126", bytes(0xc1), "Α"],
  ["ISO_IR 127", bytes(0xc7), "ا"],
  ["ISO_IR 138", bytes(0xf9), "ש"],
  ["ISO_IR 144", bytes(0xbb), "Л"],
  ["ISO_IR 148", bytes(0xdd), "İ"],
  ["ISO_IR 166", bytes(0xa1), "ก"],
  ["ISO_IR 203", bytes(0xa4), "€"],
  ["ISO_IR 13", bytes(0xd4, 0xcf), "ﾔﾏ"],
  ["ISO_IR 192", bytes(0xe7, 0x8e, 0x8b), "王"],
  ["GB18030", bytes(0xcd, 0xf5), "王"],
  ["GBK", bytes(0xcd, 0xf5), "王"],
  ["\\ISO 2022 IR 87", bytes(ESC, "$B;3ED", ESC, "(B"), "山田"],
  ["\\ISO 2022 IR 159", bytes(ESC, "$(D", 0x30, 0x21, ESC, "(B"), "丂"],
  ["\\ISO 2022 IR 149", bytes(ESC, "$)C", 0xb1, 0xe8), "김"],
  ["\\ISO 2022 IR 58", bytes(ESC, "$)A", 0xcd, 0xf5), "王"],
  ["ISO 2022 IR 100\\ISO 2022 IR 144", bytes(0xe9, "^", ESC, "-L", 0xbb), "é^Л"],
  ["ISO 2022 IR 13\\ISO 2022 IR 87", bytes(0xd4, "=", ESC, "$B;3", ESC, "(J"), "ﾔ=山"],
]) {
  test(`${set || "no set"} gives ${text}, surely`, () => {
    assert.deepEqual(decodeText(raw, set, true), { text, isSure: true });
  });
}

for (const [name, set, raw, text] of [
  ["an undeclared UTF-8 text", "", bytes(0xc3, 0xa9), "é"],
  ["an undeclared Latin-1 text", "", bytes(0xe9), "é"],
  ["an unknown set", "ISO_IR 999", bytes(0xe9), "é"],
  ["a broken UTF-8 text", "ISO_IR 192", bytes("a", 0xff), "a\ufffd"],
  ["a byte that Greek has not", "ISO_IR 126", bytes(0xd2), "\ufffd"],
  ["an escape that nobody knows", "ISO 2022 IR 100", bytes("a", ESC, "%z"), "a\ufffd%z"],
]) {
  test(`${name} is shown but not vouched for`, () => {
    assert.deepEqual(decodeText(raw, set), { text, isSure: false });
  });
}

test("a delimiter takes an upper half back to the first set", () => {
  const { text } = decodeText(bytes(ESC, "-L", 0xbb, "^", 0xe9), "ISO 2022 IR 100\\ISO 2022 IR 144", true);

  assert.equal(text, "Л^é");
});

test("what can break a page is taken out of a text", () => {
  const raw = new TextEncoder().encode("A\u202eB\u0007C\u2028D\u0000");

  assert.equal(decodeText(raw, "ISO_IR 192").text, "ABCD");
});

for (const [written, shown] of [
  ["DOE^JANE^^DR", "DOE, JANE DR"],
  ["DOE", "DOE"],
  ["^JANE", "JANE"],
  ["Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou (山田, 太郎) (やまだ, たろう)"],
  ["=山田^太郎", "山田, 太郎"],
  ["", ""],
  ["^^=", ""],
]) {
  test(`the name "${written}" reads "${shown}"`, () => {
    assert.equal(readableName(written), shown);
  });
}
