import assert from "node:assert/strict";
import { test } from "node:test";

import { drawFrame, frameRange } from "../../static/js/reading/picture.js";

const LITTLE = { isImplicit: false, isLittle: true };
const BIG = { isImplicit: false, isLittle: false };

function instance(changes = {}) {
  return {
    syntax: "1.2.840.10008.1.2.1",
    encoding: LITTLE,
    rows: 1,
    columns: 4,
    frames: 1,
    samples: 1,
    photometric: "MONOCHROME2",
    planar: 0,
    bitsAllocated: 16,
    bitsStored: 16,
    highBit: 15,
    isSigned: false,
    padding: null,
    window: { centers: [], widths: [] },
    rescale: { slope: 1, intercept: 0 },
    pixels: { tag: 0x7fe00010, offset: 1000, length: 8 },
    ...changes,
  };
}

const words = (values, isLittle = true) => {
  const view = new DataView(new ArrayBuffer(values.length * 2));
  values.forEach((value, index) => view.setInt16(index * 2, value, isLittle));
  return new Uint8Array(view.buffer);
};
const grays = ({ data }) => Array.from({ length: data.length / 4 }, (_, index) => data[index * 4]);

for (const [name, changes, bytes, expected] of [
  ["16 bits, from the darkest to the brightest", {}, words([0, 100, 200, 400]), [0, 64, 128, 255]],
  ["big endian", { encoding: BIG }, words([0, 100, 200, 400], false), [0, 64, 128, 255]],
  ["signed", { isSigned: true }, words([-200, -100, 0, 200]), [0, 64, 128, 255]],
  ["12 bits stored, with rubbish above", { bitsStored: 12, highBit: 11 }, words([0xf000, 0x0400, 0xf800, 0x0fff]), [0, 64, 128, 255]],
  ["12 bits stored at the top", { bitsStored: 12, highBit: 15 }, words([0x0000, 0x4000, 0x8000 - 65536, 0xfff0 - 65536]), [0, 64, 128, 255]],
  ["8 bits", { bitsAllocated: 8, bitsStored: 8, highBit: 7 }, Uint8Array.of(0, 50, 100, 200), [0, 64, 128, 255]],
  ["inverted", { photometric: "MONOCHROME1" }, words([0, 100, 200, 400]), [255, 191, 128, 0]],
  [
    "a window, with rescale",
    { window: { centers: [40], widths: [81] }, rescale: { slope: 1, intercept: -1000 } },
    words([960, 1000, 1040, 2000]),
    [0, 2, 129, 255],
  ],
  ["all the same", {}, words([7, 7, 7, 7]), [0, 0, 0, 0]],
  ["padding that is no tissue", { padding: 0xf830, isSigned: true }, words([-2000, 0, 100, 200]), [0, 0, 128, 255]],
  ["a window of no width", { window: { centers: [0], widths: [0] } }, words([0, 100, 200, 400]), [0, 64, 128, 255]],
]) {
  test(`gray values: ${name}`, () => {
    assert.deepEqual(grays(drawFrame(instance(changes), bytes)), expected);
  });
}

for (const [name, planar, bytes] of [
  ["pixel by pixel", 0, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]],
  ["plane by plane", 1, [1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12]],
]) {
  test(`colors ${name}`, () => {
    const { data } = drawFrame(instance({ samples: 3, photometric: "RGB", bitsAllocated: 8, planar }), Uint8Array.from(bytes));

    assert.deepEqual([...data], [1, 2, 3, 255, 4, 5, 6, 255, 7, 8, 9, 255, 10, 11, 12, 255]);
  });
}

test("a large image becomes a small picture of the same shape, out of means", () => {
  const large = instance({ rows: 512, columns: 1024, bitsAllocated: 8, bitsStored: 8, highBit: 7 });
  const bytes = Uint8Array.from({ length: 512 * 1024 }, (_, at) => (at % 2 === 0 ? 0 : 255));

  const { width, height, data } = drawFrame(large, bytes);

  assert.deepEqual([width, height], [256, 128]);
  assert.ok(data[0] > 120 && data[0] < 136, `${data[0]}`);
});

test("a tall image is no higher than a wide one is wide", () => {
  const { width, height } = drawFrame(instance({ rows: 1024, columns: 2 }), words(new Array(2048).fill(0)));

  assert.deepEqual([width, height], [1, 256]);
});

test("of several frames the middle one is read", () => {
  const range = frameRange(instance({ frames: 5, pixels: { tag: 0x7fe00010, offset: 1000, length: 40 } }));

  assert.deepEqual(range, { start: 1016, end: 1024 });
});

for (const [name, changes] of [
  ["compressed", { pixels: { tag: 0x7fe00010, offset: 0, length: 0xffffffff } }],
  ["deflated", { syntax: "1.2.840.10008.1.2.1.99" }],
  ["of another syntax", { syntax: "1.2.840.10008.1.2.4.50" }],
  ["missing", { pixels: null }],
  ["too few", { pixels: { tag: 0x7fe00010, offset: 0, length: 6 } }],
  ["floats", { pixels: { tag: 0x7fe00008, offset: 0, length: 8 } }],
  ["of a palette", { photometric: "PALETTE COLOR" }],
  ["of one bit", { bitsAllocated: 1 }],
  ["none", { rows: 0 }],
  ["more than memory should hold", { rows: 65535, columns: 65535, pixels: { tag: 0x7fe00010, offset: 0, length: 0xfffffffe } }],
]) {
  test(`no picture of pixels that are ${name}`, () => {
    assert.equal(frameRange(instance(changes)), null);
  });
}
