/** A stand-in for the server's intake on a loopback port: keeps the contract, checks what it gets, and misbehaves when told to. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

const SEE_PAGE = { status: 302, body: "", headers: { Location: "/page" } };
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();

/**
 * @param {function} fault called with `{ what, count, request }` before each request is served (`what` is "create", "manifest",
 *   "parcel", "unreadable", "stop" or "cancel", `count` counts them from 1); answers undefined, or `{ status, body, headers }`, or "drop", or a promise of it
 */
export async function startIntake({ fault = () => undefined, judge = () => ({ wanted: true }), known } = {}) {
  const state = { known, manifests: [], numbers: new Map(), sizes: new Map(), bytes: new Map(), parcels: [], unreadable: [], stopped: [], isClosed: false, counts: {}, most: 0 };
  const serve = { create: () => create(base), manifest: (body) => manifest(state, judge, body), parcel: (body, headers) => parcel(state, body, headers), unreadable: (body) => unreadable(state, body), stop: (body) => (state.stopped.push(JSON.parse(body)), { status: 200, body: {} }), cancel: () => SEE_PAGE, page: () => ({ status: 200, body: "" }) };
  let running = 0;
  const server = createServer(async (request, response) => {
    const what = request.url.slice(1);
    running += 1;
    state.most = Math.max(state.most, running);
    const chunks = await request.toArray().catch(() => null);
    if (chunks === null) { // it was given up half-way
      running -= 1;
      return void response.destroy();
    }
    state.counts[what] = (state.counts[what] ?? 0) + 1;
    const odd = await fault({ what, count: state.counts[what], request });
    running -= 1;
    if (odd === "drop") return void response.destroy();
    const { status, body, headers } = odd ?? serve[what](Buffer.concat(chunks), request.headers);
    response.writeHead(status, { "Content-Type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `http://127.0.0.1:${server.address().port}`;
  return { state, createUrl: `${base}/create`, urls: create(base).body, stop: () => (server.closeAllConnections(), server.close()) };
}

/** The whole content of a file, put together from what arrived. */
export function contentOf(state, path) {
  const pieces = state.bytes.get(state.numbers.get(path)) ?? [];
  return Buffer.concat([...pieces].sort((one, other) => one.start - other.start).map(({ data }) => data));
}

function create(base) {
  const urls = { job: "1", manifest_url: `${base}/manifest`, parcel_url: `${base}/parcel`, unreadable_url: `${base}/unreadable` };
  return { status: 201, body: { ...urls, page_url: `${base}/page`, stop_url: `${base}/stop`, cancel_url: `${base}/cancel` } };
}

function manifest(state, judge, body) {
  const { files, last, ...details } = JSON.parse(body);
  state.manifests.push(details);
  if (files.length > 2000) return { status: 400, body: { error: "too_many", message: "too many" } };
  state.isClosed = last;
  const answers = files.map(({ path, size }) => {
    if (!state.numbers.has(path)) state.numbers.set(path, state.numbers.size + 1);
    const number = state.numbers.get(path);
    state.sizes.set(number, size);
    return { number, ...judge({ path, size }) };
  });
  return { status: 200, body: { files: answers, known: state.known } };
}

function parcel(state, body, headers) {
  const members = readTar(body);
  const digest = sha256(Buffer.concat(members.map(({ data }) => sha256(data)))).toString("hex");
  if (digest !== headers["x-parcel-digest"]) return { status: 409, body: { error: "digest_mismatch", message: "digest" } };
  const sliced = members.find(({ name, data }) => data.length !== state.sizes.get(Number(name.split(".")[0])));
  const fileDigest = headers["x-file-digest"];
  if (Boolean(sliced) !== Boolean(fileDigest)) return { status: 400, body: { error: "no_file_digest", message: "file digest" } };
  state.parcels.push({ key: headers["x-parcel"], fileDigest, bytes: body.length, names: members.map(({ name }) => name), token: headers["x-csrftoken"] });
  for (const { name, data } of members) {
    const [number, start = "0"] = name.split(".");
    const pieces = state.bytes.get(Number(number)) ?? [];
    state.bytes.set(Number(number), [...pieces.filter((piece) => piece.start !== Number(start)), { start: Number(start), data }]);
  }
  return { status: 201, body: { stored: members.map(({ name }) => Number(name.split(".")[0])) } };
}

function unreadable(state, body) {
  state.unreadable.push(...JSON.parse(body).numbers);
  return { status: 200, body: {} };
}

function readTar(body) {
  const members = [];
  let offset = 0;
  while (body[offset] !== 0) {
    if (!(offset < body.length)) throw new Error("the archive ends early");
    const text = (from, to) => body.subarray(offset + from, offset + to).toString("latin1").replace(/\0.*$/s, "");
    const size = parseInt(text(124, 136), 8);
    members.push({ name: text(0, 100), data: body.subarray(offset + 512, offset + 512 + size) });
    offset += 512 + Math.ceil(size / 512) * 512;
  }
  if (body.length - offset !== 1024) throw new Error("the archive does not end in two blocks");
  return members;
}
