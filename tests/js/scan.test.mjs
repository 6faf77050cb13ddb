import assert from "node:assert/strict";
import { test } from "node:test";

import { scanDrop, scanFileList } from "../../static/js/scan.js";

const ENTRIES_A_CALL = 100; // what Chromium answers at most

function fileEntry(fullPath, isReadable = true) {
  const file = (resolve, reject) => (isReadable ? resolve({ name: fullPath, size: 1 }) : reject(new Error("NotFoundError")));
  return { isFile: true, isDirectory: false, fullPath, file };
}

function folderEntry(fullPath, children, isReadable = true) {
  return { isFile: false, isDirectory: true, fullPath, createReader: () => reader([...children], isReadable) };
}

function reader(left, isReadable) {
  const readEntries = (resolve, reject) =>
    setTimeout(() => (isReadable ? resolve(left.splice(0, ENTRIES_A_CALL)) : reject(new Error("NotReadableError"))));
  return { readEntries };
}

function drop(...entries) {
  return entries.map((entry) => ({ kind: "file", webkitGetAsEntry: () => entry }));
}

function files(folder, count) {
  return Array.from({ length: count }, (_, index) => fileEntry(`${folder}/IM${index}`));
}

for (const count of [0, 1, 100, 101, 5000]) {
  test(`a folder of ${count} files gives ${count} files`, async () => {
    const scan = await scanDrop(drop(folderEntry("/CD", files("/CD", count))));

    assert.equal(scan.files.length, count);
    assert.equal(new Set(scan.files.map(({ path }) => path)).size, count);
  });
}

test("folders are walked to any depth and each file keeps its path", async () => {
  const deep = folderEntry("/CD/A/B/C", [fileEntry("/CD/A/B/C/IM1")]);
  const tree = folderEntry("/CD", [folderEntry("/CD/A", [folderEntry("/CD/A/B", [deep])]), fileEntry("/CD/DICOMDIR")]);

  const scan = await scanDrop(drop(tree));

  assert.deepEqual(scan.files.map(({ path }) => path).sort(), ["CD/A/B/C/IM1", "CD/DICOMDIR"]);
});

test("several folders and files of one drop are all taken", async () => {
  const scan = await scanDrop(drop(folderEntry("/one", files("/one", 3)), folderEntry("/two", files("/two", 2)), fileEntry("/IM1")));

  assert.equal(scan.files.length, 6);
});

test("the entries are taken before the first wait, because the drop forgets them", async () => {
  const items = drop(folderEntry("/CD", files("/CD", 2)));

  const scanning = scanDrop(items);
  items.forEach((item) => (item.webkitGetAsEntry = () => null));

  assert.equal((await scanning).files.length, 2);
});

test("what can't be read is named and the rest is taken", async () => {
  const scratched = folderEntry("/CD/SCRATCHED", [], false);
  const tree = folderEntry("/CD", [fileEntry("/CD/IM1"), fileEntry("/CD/IM2", false), scratched]);

  const scan = await scanDrop(drop(tree));

  assert.deepEqual(scan.files.map(({ path }) => path), ["CD/IM1"]);
  assert.deepEqual(scan.unreadable.sort(), ["CD/IM2", "CD/SCRATCHED"]);
});

test("dropped text is no file", async () => {
  const scan = await scanDrop([{ kind: "string" }]);

  assert.deepEqual(scan.files, []);
});

test("a browser without entries still gives its files", async () => {
  const scan = await scanDrop([{ kind: "file", getAsFile: () => ({ name: "IM1", webkitRelativePath: "" }) }]);

  assert.deepEqual(scan.files.map(({ path }) => path), ["IM1"]);
});

test("a chosen folder is copied, so that choosing again does not empty it", () => {
  const list = [{ name: "IM1", webkitRelativePath: "CD/IM1" }, { name: "IM2", webkitRelativePath: "" }];

  const scan = scanFileList(list);
  list.length = 0;

  assert.deepEqual(scan.files.map(({ path }) => path), ["CD/IM1", "IM2"]);
});
