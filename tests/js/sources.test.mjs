import assert from "node:assert/strict";
import { test } from "node:test";

import { diskSource } from "../../static/js/sources.js";

test("a whole file is read as it is, for a slice would ask the browser first", async () => {
  const file = new Blob(["whole"]);

  const found = await diskSource({ path: "IM1", file }).read(0, 5);

  assert.equal(found, file);
});

test("a part of a file is read as a slice of it", async () => {
  const file = new Blob(["whole"]);

  const found = await diskSource({ path: "IM1", file }).read(1, 3);

  assert.equal(await found.text(), "ho");
});
