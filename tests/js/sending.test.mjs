import assert from "node:assert/strict";
import { createHash, randomUUID, webcrypto } from "node:crypto";
import { test } from "node:test";

import { lineFault, makeIntake } from "../../static/js/intake.js";
import { makePace } from "../../static/js/pace.js";
import { packParcel } from "../../static/js/packing.js";
import { LANES, Sending } from "../../static/js/sending.js";
import { contentOf, startIntake } from "./intake_server.mjs";

const LARGEST = 2 * 1024 * 1024; // bytes

function content(length, seed) {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index += 1) bytes[index] = (index * 31 + seed * 17 + (index >> 8)) % 251;
  return bytes;
}

function filesOf(...sizes) {
  return sizes.map((size, index) => entry(`CD/IM${index}`, size, new Blob([content(size, index)])));
}

function entry(path, size, file, study = "1") {
  return { path, size, study, file, source: { path, size, read: async (start, end) => file.slice(start, end) } };
}

function scratched() {
  return Promise.reject(Object.assign(new Error("read"), { name: "NotReadableError" }));
}

async function sendBlob(url, blob, headers, onProgress, signal) {
  const response = await fetch(url, { method: "POST", body: await blob.arrayBuffer(), headers, signal }).catch(() => Promise.reject(lineFault()));
  onProgress(blob.size);
  return { status: response.status, text: await response.text(), retryAfter: response.headers.get("Retry-After") };
}

/** Send `files` to a server that behaves as told; answer what the page was told and what the server has. */
async function sendTo(files, options = {}, { session, send = sendBlob, largest = LARGEST, onTold = () => {}, onPack = () => {}, askKnown, details, isResumed, addition } = {}) {
  const server = await startIntake(options);
  const told = [];
  const reactions = [];
  const waits = [];
  const token = { token: () => "token", refresh: async () => {}, restore: async () => {} };
  const tools = {
    intake: makeIntake({ fetch, sendBlob: send, session: session ?? token }),
    pack: (pieces) => {
      onPack(pieces);
      return packParcel(pieces, (bytes) => webcrypto.subtle.digest("SHA-256", bytes));
    },
    clock: { random: () => 0, sleep: async (milliseconds) => void waits.push(milliseconds) },
    pace: { ...makePace(), parcelBytes: (limit) => limit },
    now: () => performance.now(),
    newKey: randomUUID,
    askKnown,
  };
  const begin = { request: randomUUID(), team: "t", note: "", stat: false };
  const begun = isResumed ? { urls: server.urls, addition } : { createUrl: server.createUrl, begin };
  const upload = { files, details, largestParcel: largest, ...begun };
  const sending = new Sending(upload, tools, (event) => {
    told.push(event);
    reactions.push(onTold(event, sending));
  });
  try {
    await sending.start();
    await Promise.all(reactions);
    if (told.at(-1).type === "failed" && options.again) await sending.retryFailed();
  } finally {
    server.stop();
  }
  return { told, waits, state: server.state, types: new Set(told.map(({ type }) => type)) };
}

const last = (told, type) => told.filter((event) => event.type === type).at(-1);

async function assertAllThere(files, state) {
  for (const { path, file } of files) {
    assert.ok(contentOf(state, path).equals(Buffer.from(await file.arrayBuffer())), path); // a difference would take minutes to draw
  }
}

test("files of every size arrive byte for byte", async () => {
  const files = filesOf(0, 1, 511, 512, 513, 65_000, 700_000, 1_900_000, 2_100_000, 5_000_001, 300);

  const { state, told } = await sendTo(files);

  await assertAllThere(files, state);
  assert.equal(state.isClosed, true);
  assert.equal(told.at(-1).type, "finished");
  const { filesDone, files: all, bytesDone, bytes } = last(told, "progress");
  assert.deepEqual([filesDone, bytesDone], [all, bytes]);
});

test("the page's address is told as soon as the upload exists", async () => {
  const { told } = await sendTo(filesOf(10));

  assert.equal(told[0].type, "created");
  assert.match(told[0].pageUrl, /\/page$/);
});

test("five thousand files are named in few requests and travel in few parcels", async () => {
  const files = filesOf(...new Array(5000).fill(100));

  const { state } = await sendTo(files, {}, { largest: 32 * 1024 * 1024 });

  assert.equal(state.counts.manifest, 4);
  assert.ok(state.parcels.length <= 9);
  assert.equal(state.bytes.size, 5000);
});

test("at most three requests with bytes are under way at once", async () => {
  const { state } = await sendTo(filesOf(...new Array(40).fill(1_500_000)));

  assert.ok(state.most <= LANES + 1); // and the list of files beside them
  assert.equal(state.parcels.length, 40);
});

test("a parcel is packed while others are on the line", { timeout: 30_000 }, async () => {
  const packed = new Set();
  const ahead = Promise.withResolvers();
  const onPack = (pieces) => {
    for (const { file } of pieces) packed.add(file.path);
    if (packed.size > LANES) ahead.resolve();
  };
  const fault = ({ what }) => (what === "parcel" ? ahead.promise : undefined); // nothing arrives before

  const { told } = await sendTo(filesOf(...new Array(9).fill(10_000)), { fault }, { largest: 12_000, onPack });

  assert.equal(told.at(-1).type, "finished");
});

test("no more than one parcel is packed ahead", async () => {
  const packed = new Set();
  const seen = [];
  const onPack = (pieces) => pieces.forEach(({ file }) => packed.add(file.path));
  const fault = ({ what, count }) => void (what === "parcel" && seen.push(packed.size - count));

  await sendTo(filesOf(...new Array(30).fill(10_000)), { fault }, { largest: 12_000, onPack });

  assert.ok(Math.max(...seen) <= LANES);
});

test("a file that can't be read is named when its parcel was packed ahead, and its neighbors arrive", async () => {
  const files = filesOf(...new Array(12).fill(5_000));
  files[10].source.read = scratched;

  const { state, told } = await sendTo(files, {}, { largest: 12_500 });

  assert.deepEqual(told.filter(({ type }) => type === "unreadable").map(({ path }) => path), ["CD/IM10"]);
  await assertAllThere([...files.slice(0, 10), files[11]], state);
});

test("what the server has already is counted as done and does not move", async () => {
  const judge = ({ path }) => (path === "CD/IM0" ? { wanted: false, here: true } : { wanted: true });

  const { state, told } = await sendTo(filesOf(1000, 2000), { judge });

  assert.equal(state.bytes.has(1), false);
  assert.equal(last(told, "progress").bytesDone, 3000);
  assert.equal(last(told, "progress").filesDone, 2);
});

test("a file that the server does not want is named with its reason and never sent", async () => {
  const judge = ({ size }) => (size > 1500 ? { wanted: false, reason: "Too large." } : { wanted: true });

  const { state, told } = await sendTo(filesOf(1000, 2000), { judge });

  assert.deepEqual(last(told, "excluded"), { type: "excluded", path: "CD/IM1", reason: "Too large." });
  assert.equal(state.bytes.has(2), false);
  assert.deepEqual([last(told, "progress").files, last(told, "progress").bytes], [1, 1000]);
});

test("a lost connection is survived at every step", async () => {
  const seen = new Set();
  const fault = ({ what, count }) => {
    const key = `${what} ${Math.ceil(count / 2)}`;
    if (count % 2 === 0 || seen.has(key)) return undefined;
    seen.add(key);
    return "drop";
  };
  const files = filesOf(1_000_000, 1_200_000, 5_000_000);

  const { state, told, waits } = await sendTo(files, { fault });

  await assertAllThere(files, state);
  assert.ok(waits.length >= 5);
  assert.equal(last(told, "retry").message, "Connection lost. We keep trying; nothing is lost.");
  assert.equal(told.at(-1).type, "finished");
});

test("when the retries succeed the page is told that the line is back", async () => {
  const fault = ({ what, count }) => (what === "parcel" && count <= 2 ? "drop" : undefined);

  const { told } = await sendTo(filesOf(100), { fault });

  const order = told.map(({ type }) => type).filter((type) => ["retry", "recovered", "finished"].includes(type));
  assert.deepEqual(order, ["retry", "retry", "recovered", "finished"]);
});

test("the line is told to be back as soon as bytes move in a repeat, not when they are acknowledged", { timeout: 30_000 }, async () => {
  const back = Promise.withResolvers();
  let calls = 0;
  const send = async (url, blob, headers, onProgress, signal) => {
    calls += 1;
    if (calls === 1) throw lineFault();
    onProgress(1);
    await back.promise;
    return sendBlob(url, blob, headers, onProgress, signal);
  };

  const { told } = await sendTo(filesOf(100), {}, { send, onTold: ({ type }) => type === "recovered" && back.resolve() });

  const order = told.map(({ type }) => type).filter((type) => ["retry", "recovered", "finished"].includes(type));
  assert.deepEqual(order, ["retry", "recovered", "finished"]);
});

test("a busy server takes the bytes of each repeat, and is not told to be back before it has answered", async () => {
  const busy = { status: 503, body: {} };
  const fault = ({ what, count }) => (what === "parcel" && count <= 2 ? busy : undefined);

  const { told } = await sendTo(filesOf(100), { fault });

  const order = told.map(({ type }) => type).filter((type) => ["retry", "recovered", "finished"].includes(type));
  assert.deepEqual(order, ["retry", "retry", "recovered", "finished"]);
});

test("a busy server's wish to wait is honored", async () => {
  const busy = { status: 429, body: { error: "slow_down", message: "Slow down." }, headers: { "Retry-After": "45" } };
  const fault = ({ what, count }) => (what === "parcel" && count === 1 ? busy : undefined);

  const { waits, told } = await sendTo(filesOf(100), { fault });

  assert.deepEqual(waits, [45_000]);
  assert.equal(last(told, "retry").message, "Slow down.");
});

test("an answer that is no JSON, from something on the way, is tried again", async () => {
  const fault = ({ what, count }) => (what === "parcel" && count === 1 ? { status: 502, body: "<html>" } : undefined);

  const { told } = await sendTo(filesOf(100), { fault });

  assert.equal(told.at(-1).type, "finished");
});

test("a digest that does not match is packed and sent again", async () => {
  const mismatch = { status: 409, body: { error: "digest_mismatch", message: "x" } };
  const fault = ({ what, count }) => (what === "parcel" && count === 1 ? mismatch : undefined);
  const files = filesOf(1000);

  const { state, told } = await sendTo(files, { fault });

  await assertAllThere(files, state);
  assert.equal(told.at(-1).type, "finished");
});

test("a repeated parcel keeps its key, so that the server knows it", async () => {
  const keys = [];
  const fault = ({ what, count, request }) => {
    if (what === "parcel") keys.push(request.headers["x-parcel"]);
    return what === "parcel" && count < 3 ? "drop" : undefined;
  };

  await sendTo(filesOf(1000), { fault });

  assert.equal(keys.length, 3);
  assert.equal(new Set(keys).size, 1);
});

test("a file that can't be read is reported and named, and its neighbors arrive", async () => {
  const files = filesOf(1000, 2000, 3000);
  files[1].source.read = scratched;

  const { state, told } = await sendTo(files);

  assert.deepEqual(state.unreadable, [2]);
  assert.equal(last(told, "unreadable").path, "CD/IM1");
  await assertAllThere([files[0], files[2]], state);
  assert.deepEqual([last(told, "progress").files, last(told, "progress").bytesDone], [2, 4000]);
  assert.equal(told.at(-1).type, "finished");
});

test("a large file that becomes unreadable half-way is reported once and its rest is not tried", async () => {
  const files = filesOf(9_000_000, 100);
  const { read } = files[0].source;
  files[0].source.read = (start, end) => (start > 3_000_000 ? scratched() : read(start, end));

  const { state, told } = await sendTo(files);

  assert.deepEqual(state.unreadable, [1]);
  assert.equal(told.filter(({ type }) => type === "unreadable").length, 1);
  assert.equal(told.at(-1).type, "finished");
  assert.deepEqual(contentOf(state, "CD/IM1"), Buffer.from(content(100, 1)));
  assert.deepEqual([last(told, "progress").files, last(told, "progress").filesDone], [1, 1]);
  assert.ok(last(told, "progress").bytesDone <= last(told, "progress").bytes);
});

test("each slice of a large file names the whole by its digest, and a parcel of whole files names none", async () => {
  const { state } = await sendTo(filesOf(5_000_000, 100));

  const whole = createHash("sha256").update(content(5_000_000, 0)).digest("hex");
  assert.deepEqual(state.parcels.map(({ names, fileDigest }) => [names[0].split(".")[0], fileDigest]).sort(), [
    ["1", whole],
    ["1", whole],
    ["1", whole],
    ["2", undefined],
  ]);
});

test("the slices of two files of one name and size name two files", async () => {
  const digests = [];
  for (const seed of [1, 2]) {
    const { state } = await sendTo([entry("CD/IM0", 3_000_000, new Blob([content(3_000_000, seed)]))]);
    digests.push(...new Set(state.parcels.map(({ fileDigest }) => fileDigest)));
  }

  assert.equal(new Set(digests).size, 2);
});

test("a large file is read as a whole once, and one such file after the other", async () => {
  const files = filesOf(5_000_000, 6_000_000, 7_000_000);
  const seen = [];
  let reading = 0;
  for (const { path, size, source } of files) {
    const { read } = source;
    source.read = async (start, end) => {
      const blob = await read(start, end);
      if (end - start < size) return blob;
      reading += 1;
      seen.push([path, reading]);
      return { arrayBuffer: () => blob.arrayBuffer().finally(() => (reading -= 1)) };
    };
  }

  const { state } = await sendTo(files);

  await assertAllThere(files, state);
  assert.deepEqual(seen, [["CD/IM0", 1], ["CD/IM1", 1], ["CD/IM2", 1]]);
});

test("a large file that can't be read to its end is named before any of it moves", async () => {
  const files = filesOf(5_000_000, 100);
  const { read } = files[0].source;
  files[0].source.read = (start, end) => (end > 4_000_000 ? scratched() : read(start, end));

  const { state, told } = await sendTo(files);

  assert.deepEqual(state.parcels.map(({ names }) => names), [["2"]]);
  assert.deepEqual(told.filter(({ type }) => type === "unreadable").map(({ path }) => path), ["CD/IM0"]);
  assert.equal(told.at(-1).type, "finished");
});

test("a parcel of unreadable files only is not sent at all", async () => {
  const files = filesOf(1000);
  files[0].source.read = scratched;

  const { state, told } = await sendTo(files);

  assert.equal(state.counts.parcel, undefined);
  assert.deepEqual(state.unreadable, [1]);
  assert.equal(told.at(-1).type, "finished");
});

test("a parcel too large for something on the way is sent in smaller ones", async () => {
  const fault = ({ what, request }) =>
    what === "parcel" && Number(request.headers["content-length"]) > 600_000 ? { status: 413, body: "too large" } : undefined;
  const files = filesOf(400_000, 400_000, 400_000, 1_500_000);

  const { state, told } = await sendTo(files, { fault });

  await assertAllThere(files, state);
  assert.equal(told.at(-1).type, "finished");
});

test("a parcel that was on the line while others turned out too large is sent in smaller ones too", { timeout: 30_000 }, async () => {
  const smaller = Promise.withResolvers();
  const fault = async ({ what, count, request }) => {
    if (what !== "parcel") return undefined;
    const isTooLarge = Number(request.headers["content-length"]) > 300_000;
    if (!isTooLarge) smaller.resolve();
    if (count === 1) await smaller.promise;
    return isTooLarge ? { status: 413, body: "too large" } : undefined;
  };
  const files = filesOf(1_500_000, 1_500_000);

  const { state, told } = await sendTo(files, { fault });

  assert.equal(told.at(-1).type, "finished");
  await assertAllThere(files, state);
});

test("a file that is too large in every size is given up and named", async () => {
  const fault = ({ what }) => (what === "parcel" ? { status: 413, body: "too large" } : undefined);

  const { told } = await sendTo(filesOf(1_500_000, 100, 100), { fault });

  assert.deepEqual(told.at(-1), { type: "failed", count: 3 });
});

test("one refused parcel is named and does not stop the others", async () => {
  const refusal = { status: 400, body: { error: "bad_parcel", message: "This part can't be read." } };
  const fault = ({ what, count }) => (what === "parcel" && count === 1 ? refusal : undefined);

  const { state, told } = await sendTo(filesOf(1_500_000, 1_500_000, 1_500_000, 1_500_000), { fault });

  assert.equal(state.bytes.size, 3);
  assert.equal(last(told, "refused").message, "This part can't be read.");
  assert.deepEqual(told.at(-1), { type: "failed", count: 1 });
});

test("what was set aside can be sent again", async () => {
  const refusal = { status: 400, body: { error: "bad_parcel", message: "This part can't be read." } };
  const fault = ({ what, count }) => (what === "parcel" && count === 1 ? refusal : undefined);
  const files = filesOf(1_500_000, 1_500_000);

  const { state, told } = await sendTo(files, { fault, again: true });

  await assertAllThere(files, state);
  assert.equal(told.at(-1).type, "finished");
});

test("a server error that stays is given up after eight attempts and named", async () => {
  const fault = ({ what }) => (what === "parcel" ? { status: 500, body: { error: "bug", message: "Sorry." } } : undefined);

  const { state, told } = await sendTo(filesOf(100), { fault });

  assert.equal(state.counts.parcel, 8);
  assert.equal(told.at(-1).type, "failed");
});

for (const [status, error] of [[409, "job_closed"], [404, "not_found"]]) {
  test(`an upload that is gone (${status}) stops with the server's words`, async () => {
    const fault = ({ what }) => (what === "parcel" ? { status, body: { error, message: "It is closed." } } : undefined);

    const { told, state } = await sendTo(filesOf(...new Array(9).fill(1_500_000)), { fault });

    assert.deepEqual(told.filter(({ type }) => type === "stopped"), [{ type: "stopped", message: "It is closed." }]);
    assert.ok(state.counts.parcel <= LANES);
  });
}

test("after the end nothing is repeated any more", async () => {
  const gone = { status: 404, body: { error: "not_found", message: "Gone." } };
  const fault = ({ what, count }) => (what === "parcel" ? (count === 1 ? gone : "drop") : undefined);

  const { told, waits } = await sendTo(filesOf(...new Array(9).fill(1_500_000)), { fault });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const waitsThen = waits.length;
  await new Promise((resolve) => setTimeout(resolve, 50));

  assert.equal(told.at(-1).type, "stopped");
  assert.equal(waits.length, waitsThen);
});

test("a refused opening is told and nothing moves", async () => {
  const fault = ({ what }) => (what === "create" ? { status: 400, body: { error: "no_team", message: "Choose a team." } } : undefined);

  const { told, state } = await sendTo(filesOf(100), { fault });

  assert.deepEqual(told, [{ type: "stopped", message: "Choose a team." }]);
  assert.equal(state.counts.manifest, undefined);
});

test("a session that ends meanwhile waits for the person and goes on", async () => {
  let isSignedIn = false;
  const fault = ({ what, count }) =>
    what === "parcel" && count > 1 && !isSignedIn ? { status: 401, body: { error: "signed_out", message: "x" } } : undefined;
  let asked = 0;
  const session = {
    token: () => "token",
    refresh: async () => {},
    restore: async () => {
      asked += 1;
      isSignedIn = true;
    },
  };
  const files = filesOf(1_500_000, 1_500_000, 1_500_000, 1_500_000);

  const { state, told } = await sendTo(files, { fault }, { session });

  await assertAllThere(files, state);
  assert.ok(asked >= 1);
  assert.equal(told.at(-1).type, "finished");
});

test("an outdated CSRF token is renewed once and the upload goes on", async () => {
  let token = "old";
  const fault = ({ request }) =>
    request.headers["x-csrftoken"] === "old" ? { status: 403, body: { error: "csrf", message: "x" } } : undefined;
  const session = { token: () => token, restore: async () => {}, refresh: async () => void (token = "new") };

  const { told, state } = await sendTo(filesOf(100), { fault }, { session });

  assert.equal(told.at(-1).type, "finished");
  assert.equal(state.parcels[0].token, "new");
});

test("a person who may not send is told so once", async () => {
  const fault = ({ what }) => (what === "manifest" ? { status: 403, body: { error: "forbidden", message: "Not yours." } } : undefined);

  const { told } = await sendTo(filesOf(100), { fault });

  assert.deepEqual(told.at(-1), { type: "stopped", message: "Not yours." });
});

test("a redirect to the sign-in page is a session that ended", async () => {
  let isSignedIn = false;
  const session = { token: () => "t", refresh: async () => {}, restore: async () => void (isSignedIn = true) };
  const fault = ({ what }) =>
    what === "create" && !isSignedIn ? { status: 302, body: "", headers: { Location: "/manifest" } } : undefined;

  const { told } = await sendTo(filesOf(100), { fault: (facts) => (facts.request.method === "GET" ? { status: 200, body: "" } : fault(facts)) }, { session });

  assert.equal(told.at(-1).type, "finished");
});

test("a damaged entry of an archive is reported and named, and its neighbors arrive", async () => {
  const files = filesOf(1000, 2000);
  files[0].source.read = () => Promise.reject(Object.assign(new Error("CRC"), { fault: "archive_damaged" }));

  const { state, told } = await sendTo(files);

  assert.deepEqual(state.unreadable, [1]);
  assert.equal(last(told, "unreadable").path, "CD/IM0");
  await assertAllThere([files[1]], state);
});

test("a fault of ours while reading is not taken for a damaged file", async () => {
  const files = filesOf(1000);
  files[0].source.read = () => Promise.reject(new TypeError("a bug"));

  await assert.rejects(sendTo(files), TypeError);
});

test("what the person confirmed and was told goes with the list of files", async () => {
  const details = { confirmed: [{ id: "P1", birth_date: "19500101", name: "DOE^JANE" }], warnings: [{ code: "gaps" }], studies: ["1.2"] };

  const { state } = await sendTo(filesOf(10), {}, { details });

  const { confirmed, warnings, studies } = state.manifests[0];
  assert.deepEqual({ confirmed, warnings, studies }, details);
});

const KNOWN = [{ study_uid: "1.2", job_url: "/there", status: "accepted", status_label: "Accepted by Qure", at: "2024-02-29T10:00:00Z", by: "ann" }];

test("no byte moves before the person has said that a known study is to be sent again", async () => {
  const server = {};
  const askKnown = async (known) => {
    server.asked = known;
    await new Promise((resolve) => setTimeout(resolve, 20));
    server.countBefore = server.parcels;
    return true;
  };
  const fault = ({ what, count }) => {
    if (what === "parcel") server.parcels = count;
  };

  const { told } = await sendTo(filesOf(1000), { known: KNOWN, fault }, { askKnown, details: { studies: ["1.2"] } });

  assert.deepEqual(server.asked, KNOWN);
  assert.equal(server.countBefore, undefined);
  assert.equal(told.at(-1).type, "finished");
});

test("a known study that is not to be sent again cancels the upload, and nothing of it has moved", async () => {
  const options = [filesOf(1000), { known: KNOWN }, { askKnown: async () => false, details: { studies: ["1.2"] } }];

  const { told, state } = await sendTo(...options);

  assert.deepEqual(told.at(-1), { type: "cancelled", filesDone: 0 });
  assert.equal(state.counts.cancel, 1);
  assert.equal(state.counts.parcel, undefined);
});

test("a paused upload begins nothing more until it is resumed", async () => {
  const seen = [];
  const onTold = ({ type }, sending) => {
    if (type === "created") sending.pause();
    if (type !== "paused") return;
    setTimeout(() => {
      seen.push(server.counts?.parcel);
      sending.resume();
    }, 30);
  };
  const server = {};
  const fault = ({ what, count }) => {
    server.counts = { ...server.counts, [what]: count };
  };

  const { told, state } = await sendTo(filesOf(1000), { fault }, { onTold });

  assert.deepEqual(seen, [undefined]);
  assert.equal(state.counts.parcel, 1);
  assert.equal(told.at(-1).type, "finished");
});

test("pausing lets arrive what is on the line, and then says so", async () => {
  let isPaused = false;
  const onTold = ({ type }, sending) => {
    if (type === "progress" && !isPaused && server.parcels > 0) {
      isPaused = true;
      sending.pause();
    }
    if (type === "paused") setTimeout(() => sending.resume(), 10);
  };
  const server = { parcels: 0 };
  const fault = ({ what }) => {
    if (what === "parcel") server.parcels += 1;
  };
  const files = filesOf(...new Array(9).fill(1_500_000));

  const { told, state } = await sendTo(files, { fault }, { onTold });

  await assertAllThere(files, state);
  assert.ok(told.some(({ type }) => type === "paused"));
  assert.equal(state.parcels.length, 9);
});

test("a cancelled upload drops what is on the line, tells the server, and sends nothing more", async () => {
  let isCancelled = false;
  const onTold = ({ type }, sending) => {
    if (type !== "progress" || isCancelled) return undefined;
    isCancelled = true;
    return sending.cancel();
  };

  const { told, state } = await sendTo(filesOf(...new Array(20).fill(1_500_000)), {}, { onTold });

  assert.deepEqual(told.filter(({ type }) => ["finished", "stopped", "cancelled", "failed"].includes(type)).map(({ type }) => type), ["cancelled"]);
  assert.ok((state.counts.parcel ?? 0) <= LANES);
});

test("an upload that has begun before is gone on with, not begun again", async () => {
  const judge = ({ path }) => (path === "CD/IM0" ? { wanted: false, here: true } : { wanted: true });

  const { state, told } = await sendTo(filesOf(1000, 2000), { judge }, { isResumed: true });

  assert.equal(state.counts.create, undefined);
  assert.equal(state.bytes.size, 1);
  assert.equal(last(told, "progress").filesDone, 2);
});

test("progress is also told for each study", async () => {
  const files = filesOf(1000, 2000, 3000);
  files[2].study = "2";

  const { told } = await sendTo(files);

  const { studies } = last(told, "progress");
  assert.deepEqual([...studies].map(([study, { filesDone, files: all, bytes }]) => [study, filesDone, all, bytes]), [
    ["1", 2, 2, 3000],
    ["2", 1, 1, 3000],
  ]);
});

test("to stop adding gives up what has not arrived, and not the upload", async () => {
  const onTold = ({ type, filesDone }, sending) => (type === "progress" && filesDone === 1 ? sending.cancel() : undefined);
  const held = Promise.withResolvers();
  const fault = ({ what, count }) => {
    if (what === "stop") held.resolve();
    return what === "parcel" && count > 1 ? held.promise : undefined;
  };
  const files = filesOf(10_000, 10_000, 10_000);

  const { state, told } = await sendTo(files, { fault }, { largest: 12_000, onTold, isResumed: true, addition: 2 });

  const arrived = state.parcels[0].names.map(Number);
  assert.deepEqual(state.stopped, [{ addition: 2, numbers: [1, 2, 3].filter((number) => !arrived.includes(number)) }]);
  assert.equal(state.counts.cancel, undefined);
  assert.deepEqual(told.at(-1), { type: "cancelled", filesDone: 1 });
});

test("known studies that are not to be added again leave the upload as it was", async () => {
  const options = { askKnown: async () => false, details: { studies: ["1.2"] }, isResumed: true, addition: 1 };

  const { state } = await sendTo(filesOf(1000), { known: KNOWN }, options);

  assert.deepEqual(state.stopped, [{ addition: 1, numbers: [1] }]);
  assert.deepEqual([state.counts.cancel, state.counts.parcel], [undefined, undefined]);
});

test("to stop adding waits for the answer to the list of files, or the server would wait for them", async () => {
  const order = [];
  const asked = Promise.withResolvers();
  const fault = async ({ what }) => {
    if (what === "manifest") {
      asked.resolve();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    order.push(what);
  };
  const onTold = async ({ type }, sending) => {
    if (type !== "created") return;
    await asked.promise;
    await sending.cancel();
  };

  const { state } = await sendTo(filesOf(1000), { fault }, { onTold, isResumed: true, addition: 1 });

  assert.deepEqual(order, ["manifest", "stop"]);
  assert.deepEqual(state.stopped, [{ addition: 1, numbers: [1] }]);
});
