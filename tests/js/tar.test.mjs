import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { memberBytes, tarBlob, tarHeader } from "../../static/js/tar.js";

const READ_WITH_PYTHON = `
import hashlib, io, json, sys, tarfile
archive = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()), mode="r:")
print(json.dumps([[m.name, m.size, archive.extractfile(m).read().decode(), m.isreg()] for m in archive]))
`;

async function readWithPython(blob) {
  const input = Buffer.from(await blob.arrayBuffer());
  return JSON.parse(execFileSync("python3", ["-c", READ_WITH_PYTHON], { input }));
}

test("the archive is read by another implementation, name, size and content", async () => {
  const members = [
    { name: "17", blob: new Blob(["first"]) },
    { name: "18.33554432", blob: new Blob(["x".repeat(512)]) },
    { name: "19", blob: new Blob([]) },
    { name: "20", blob: new Blob(["y".repeat(1025)]) },
  ];

  const read = await readWithPython(tarBlob(members));

  assert.deepEqual(read, [
    ["17", 5, "first", true],
    ["18.33554432", 512, "x".repeat(512), true],
    ["19", 0, "", true],
    ["20", 1025, "y".repeat(1025), true],
  ]);
});

test("every member is padded to whole blocks and two empty blocks end the archive", async () => {
  const blob = tarBlob([{ name: "1", blob: new Blob(["a"]) }]);
  const bytes = new Uint8Array(await blob.arrayBuffer());

  assert.equal(blob.size, 512 + 512 + 1024);
  assert.ok(bytes.subarray(513).every((byte) => byte === 0));
});

test("the room that a member takes is what it takes in the archive", () => {
  for (const size of [0, 1, 511, 512, 513, 99_900_000]) {
    const blob = { size };
    const padded = Math.ceil(blob.size / 512) * 512;

    assert.equal(memberBytes(size), 512 + padded);
  }
});

test("a large file's size is written in octal without being cut", () => {
  const text = new TextDecoder().decode(tarHeader("7", 99_900_000).subarray(124, 136));

  assert.equal(parseInt(text, 8), 99_900_000);
});

test("a name that could carry a patient's is not written", () => {
  assert.throws(() => tarHeader("Meier Anna", 1), RangeError);
  assert.throws(() => tarHeader("1".repeat(101), 1), RangeError);
});
