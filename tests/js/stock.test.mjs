import assert from "node:assert/strict";
import { test } from "node:test";

import { wholePiece } from "../../static/js/parcels.js";
import { makeStock } from "../../static/js/stock.js";

const KB = 1024;

/** A stock of files of 100 KB that goes into parcels of two; `packed` lists what was packed, by the files' numbers. */
function stockOf(count, pack = async (pieces) => pieces) {
  const packed = [];
  const limit = { bytes: 202 * KB };
  const stock = makeStock({
    pack: (pieces) => {
      packed.push(numbersOf(pieces));
      return pack(pieces);
    },
    limit: () => limit.bytes,
  });
  stock.add(...Array.from({ length: count }, (_, index) => wholePiece({ number: index + 1, size: 100 * KB })));
  return { stock, packed, limit };
}

const numbersOf = (pieces) => pieces.map(({ file }) => file.number);

function takeAll(stock) {
  const parcels = [];
  for (let parcel = stock.take(); parcel !== undefined; parcel = stock.take()) parcels.push(numbersOf(parcel.pieces));
  return parcels;
}

test("what was packed ahead is taken next, and nothing is taken twice", () => {
  const { stock } = stockOf(5);
  stock.prepare();
  stock.prepare();

  const parcels = takeAll(stock);

  assert.deepEqual(parcels, [[1, 2], [3, 4], [5]]);
});

test("a parcel that was packed ahead is not packed again", async () => {
  const { stock, packed } = stockOf(3);
  stock.prepare();

  const { packed: promise } = stock.take();

  assert.deepEqual(numbersOf(await promise), [1, 2]);
  assert.deepEqual(packed, [[1, 2]]);
});

test("while a parcel waits that was packed ahead, the stock is not empty", () => {
  const { stock } = stockOf(2);
  stock.prepare();

  const isEmpty = stock.isEmpty();

  assert.equal(isEmpty, false);
});

test("after a parcel was too large, the one packed ahead is cut smaller as well, behind it", () => {
  const { stock, limit } = stockOf(4);
  const { pieces } = stock.take();
  stock.prepare();
  limit.bytes = 102 * KB;

  stock.putBack(pieces);

  assert.deepEqual(takeAll(stock), [[1], [2], [3], [4]]);
});

test("a file that is gone leaves the parcel packed ahead, and its neighbor stays", () => {
  const { stock } = stockOf(4);
  stock.prepare();

  stock.drop(({ file }) => file.number === 2);

  assert.deepEqual(takeAll(stock), [[1, 3], [4]]);
});

test("a stock that is cleared forgets what was packed ahead", () => {
  const { stock } = stockOf(4);
  stock.prepare();

  stock.clear();

  assert.deepEqual([stock.isEmpty(), stock.take()], [true, undefined]);
});

test("a fault while packing ahead is told to whom takes the parcel, and to nobody else", async () => {
  const { stock } = stockOf(2, () => Promise.reject(new TypeError("a bug")));
  stock.prepare();
  await new Promise(setImmediate); // an unhandled rejection would end the process here

  const { packed } = stock.take();

  await assert.rejects(packed, TypeError);
});
