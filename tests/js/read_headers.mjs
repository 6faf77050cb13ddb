// Prints what the browser's reader finds in files: one line of JSON for each path on a line of the standard input.
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

import { readHeader } from "../../static/js/reading/header.js";

for await (const path of createInterface({ input: process.stdin })) {
  const bytes = new Uint8Array(await readFile(path));
  const read = async (start, end) => bytes.subarray(start, end);
  console.log(JSON.stringify(await readHeader({ size: bytes.length, read })));
}
