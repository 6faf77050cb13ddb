/** Sends one upload: opens it, names its files, sends their bytes a few parcels at a time. Knows no page: it tells `tell`. */

import { manifestParts } from "./naming.js";
import { pieceBytes, wholePiece } from "./parcels.js";
import { makeSignal, runAll, withRetries } from "./queue.js";
import { makeStock } from "./stock.js";
import { makeTally } from "./tally.js";
import { gettext } from "./translating.js";

export const LANES = 3;
const SMALLEST_LIMIT = 256 * 1024; // bytes: below this a 413 is not about size any more
const ENDS_ALL = ["stop", "forbidden"];
const OUR_FAULT = gettext(
  "Something unexpected happened on this page. What has arrived is safe: reload the page and choose the same folder again.",
);

export class Sending {
  #upload;
  #tools;
  #tell;
  #urls;
  #stock;
  #named = []; // files that the server waits for
  #naming = null; // the promise of an answer to the list of files
  #setAside = []; // pieces that failed for good
  #moving = new Map(); // parcel -> bytes that the line has taken
  #tally;
  #largest;
  #manifestDone = false;
  #isCleared = false; // to move bytes: all is confirmed, and studies sent before were asked about
  #isPaused = false;
  #end = null; // the fault that stopped all
  #aborter = new AbortController();
  #retrying = 0;
  #isWaiting = false; // a retry was told, and nothing has come through since
  #news = makeSignal();

  /**
   * @param {object} upload `files` ({ path, size, source, study }), `details` (what the manifest says of them: `confirmed`,
   *   `warnings`, `studies`, `left_out`), `unlisted` (how many more are left out), `largestParcel` (bytes of a TAR); and `urls` of an upload that has begun before (with the number
   *   of the `addition`, if files are added to it), or `createUrl` and `begin` ({ request (a UUID), team, note, stat })
   * @param {object} tools `intake`, `pack(pieces)`, `clock`, `pace`, `now()`, `newKey()`, `askKnown(known)` (whether to send
   *   studies again that were sent before)
   * @param {function} tell gets `{ type, … }`: created, progress, retry, recovered, excluded, unreadable, refused, paused,
   *   failed, finished, stopped, cancelled
   */
  constructor(upload, tools, tell) {
    this.#upload = upload;
    this.#tools = tools;
    this.#tell = tell;
    this.#urls = upload.urls ?? null;
    this.#largest = upload.largestParcel;
    this.#stock = makeStock({ pack: tools.pack, limit: () => tools.pace.parcelBytes(this.#largest) });
    this.#tally = makeTally(upload.files);
  }

  /** Resolves when all bytes are there or set aside. What happened was told; it rejects for a fault of ours only. */
  async start() {
    await this.#toTheEnd(async () => {
      const { createUrl, begin } = this.#upload;
      this.#urls ??= await this.#attempt(() => this.#tools.intake.create(createUrl, begin));
      this.#tell({ type: "created", pageUrl: this.#urls.page_url });
      await Promise.all([this.#sendManifest(), this.#sendWaiting()]);
    });
  }

  /** Send again what was set aside. */
  async retryFailed() {
    this.#stock.add(...this.#setAside.splice(0));
    await this.#toTheEnd(() => this.#sendWaiting());
  }

  /** Let what is on the line arrive, and begin nothing more. */
  pause() {
    this.#isPaused = true;
    this.#noteRest();
  }

  resume() {
    this.#isPaused = false;
    this.#news.ring();
  }

  /** Drop what is on the line, and tell the server that nothing more will come: of the upload, or of what is added to it. */
  async cancel() {
    this.#endWith(Object.assign(new Error("cancelled"), { kind: "cancelled" }));
    const onRetry = ({ wait, error }) => this.#tell({ type: "retry", wait, message: error.message });
    try {
      if (this.#urls) await withRetries(() => this.#giveUp(), this.#tools.clock, onRetry);
      this.#tell({ type: "cancelled", filesDone: this.#tally.progress(0).filesDone });
    } catch (error) {
      this.#tell({ type: "stopped", message: error.kind ? error.message : OUR_FAULT });
    }
  }

  /** What is added to an upload is all that is given up: the upload itself stays. */
  async #giveUp() {
    const { intake } = this.#tools;
    const { addition } = this.#upload;
    if (!addition) return intake.cancel(this.#urls.cancel_url, this.#urls.page_url);
    await this.#naming?.catch(() => {}); // or the server would learn of them afterwards, and wait
    const missing = this.#named.filter(({ left }) => left > 0).map(({ number }) => number);
    return intake.stopAdding(this.#urls.stop_url, addition, missing);
  }

  async #toTheEnd(work) {
    try {
      await work();
    } catch (error) {
      this.#stop(error);
      return;
    }
    if (this.#end) return;
    const count = new Set(this.#setAside.map((piece) => piece.file)).size;
    if (count > 0) this.#tell({ type: "failed", count });
    else this.#tell({ type: "finished", pageUrl: this.#urls.page_url });
  }

  #stop(error) {
    if (this.#end) return; // cancelled meanwhile
    this.#endWith(error);
    this.#tell({ type: "stopped", message: error.kind ? error.message : OUR_FAULT });
    if (!error.kind) throw error;
  }

  #endWith(error) {
    this.#end = error;
    this.#manifestDone = true;
    this.#stock.clear();
    this.#aborter.abort();
    this.#news.ring();
  }

  async #sendManifest() {
    const known = [];
    for (const part of manifestParts(this.#upload.files, this.#upload.details)) {
      const entries = part.files.map(({ path, size }) => ({ path, size }));
      const manifest = { files: entries, last: part.isLast, unlisted: this.#upload.unlisted ?? 0, ...part.details };
      this.#naming = this.#attempt(() => this.#tools.intake.sendManifest(this.#urls.manifest_url, manifest));
      const answer = await this.#naming;
      part.files.forEach((entry, index) => this.#takeAnswer(entry, answer.files[index]));
      if (this.#end) return;
      known.push(...(answer.known ?? []));
      this.#report();
      this.#news.ring();
      if (part.isAllAsked && !(await this.#clear(known))) return;
    }
    this.#manifestDone = true;
    this.#news.ring();
  }

  /** Whether bytes may move. A person who does not want to send again has cancelled the upload. */
  async #clear(known) {
    this.#isCleared = known.length === 0 || (await this.#tools.askKnown(known));
    if (!this.#isCleared) await this.cancel();
    this.#news.ring();
    return this.#isCleared;
  }

  #takeAnswer(entry, answer) {
    const file = { ...entry, number: answer.number, left: entry.size, isUnreadable: false };
    if (answer.wanted) {
      this.#stock.add(wholePiece(file));
      this.#named.push(file);
    } else if (answer.here) {
      this.#tally.arrived(file, file.size, true);
    } else {
      this.#tally.excluded(file, file.size);
      this.#tell({ type: "excluded", path: file.path, reason: answer.reason });
    }
  }

  #sendWaiting() {
    return runAll(() => this.#takeNext(), (parcel) => this.#sendOne(parcel), LANES);
  }

  async #takeNext() {
    while (this.#mustWait()) await this.#news.heard();
    return this.#stock.take();
  }

  #mustWait() {
    return !this.#end && (!this.#isCleared || (this.#stock.isEmpty() && !this.#manifestDone));
  }

  async #resumed() {
    while (this.#isPaused && !this.#end) await this.#news.heard();
  }

  async #sendOne(taken) {
    const parcel = { ...taken, key: this.#tools.newKey(), digest: "", size: 0 };
    try {
      await this.#attempt(() => this.#sendParcel(parcel));
    } catch (error) {
      if (!error.kind || ENDS_ALL.includes(error.kind)) throw error;
      this.#giveBack(parcel, error);
    }
    this.#report();
  }

  /** Packed anew for each further attempt: a file may have become unreadable since, and must not fail its neighbors. */
  async #sendParcel(parcel) {
    const packing = parcel.packed ?? this.#tools.pack(parcel.pieces);
    parcel.packed = null;
    const packed = await packing;
    await this.#nameUnreadable(packed.unreadable);
    parcel.pieces = packed.pieces;
    if (parcel.pieces.length === 0) return;
    if (parcel.digest !== "" && parcel.digest !== packed.digest) parcel.key = this.#tools.newKey();
    Object.assign(parcel, { digest: packed.digest, size: packed.blob.size });
    await this.#resumed();
    await this.#post(parcel, packed);
    parcel.pieces.forEach((piece) => this.#arrived(piece));
  }

  async #post(parcel, { blob, digest, fileDigest }) {
    const bytes = pieceBytes(parcel.pieces);
    const onProgress = (loaded) => {
      if (parcel.isCutOff && loaded > 0) this.#recover();
      this.#moving.set(parcel, (Math.min(loaded, blob.size) / blob.size) * bytes);
      this.#report();
    };
    this.#moving.set(parcel, 0);
    this.#stock.prepare();
    try {
      const sent = { key: parcel.key, digest, fileDigest, blob };
      await this.#unlessStopped(() => this.#tools.intake.sendParcel(this.#urls.parcel_url, sent, onProgress, this.#aborter.signal));
    } catch (error) {
      parcel.isCutOff = error.kind === "line";
      throw error;
    } finally {
      this.#moving.delete(parcel);
      this.#noteRest();
    }
  }

  #noteRest() {
    if (this.#isPaused && this.#moving.size === 0 && !this.#end) this.#tell({ type: "paused" });
  }

  #arrived({ file, start, end }) {
    if (file.isUnreadable) return; // a slice of a file whose rest is lost
    file.left -= end - start;
    this.#tally.arrived(file, end - start, file.left === 0);
  }

  async #nameUnreadable(files) {
    const fresh = files.filter((file) => !file.isUnreadable);
    if (fresh.length === 0) return;
    for (const file of fresh) {
      file.isUnreadable = true;
      this.#tally.excluded(file, file.left);
      this.#tell({ type: "unreadable", path: file.path });
    }
    this.#stock.drop((piece) => piece.file.isUnreadable);
    const numbers = fresh.map((file) => file.number);
    await this.#attempt(() => this.#tools.intake.reportUnreadable(this.#urls.unreadable_url, numbers));
  }

  /** Too large for something on the way: smaller parcels from now on. Anything else: set aside, and the others go on. */
  #giveBack(parcel, error) {
    if (error.kind === "too_large" && parcel.size > SMALLEST_LIMIT) {
      this.#largest = Math.min(this.#largest, Math.max(SMALLEST_LIMIT, Math.floor(parcel.size / 2)));
      this.#stock.putBack(parcel.pieces);
      return;
    }
    this.#setAside.push(...parcel.pieces);
    this.#tell({ type: "refused", message: error.message, paths: parcel.pieces.map((piece) => piece.file.path) });
  }

  async #attempt(act) {
    let isRetrying = false;
    try {
      return await withRetries(() => this.#unlessStopped(act), this.#tools.clock, ({ wait, error }) => {
        if (this.#end) return;
        if (!isRetrying) this.#retrying += 1;
        isRetrying = true;
        this.#isWaiting = true;
        this.#tell({ type: "retry", wait, message: error.message });
      });
    } finally {
      if (isRetrying) this.#retrying -= 1;
      if (isRetrying && this.#retrying === 0) this.#recover();
    }
  }

  #recover() {
    if (!this.#isWaiting || this.#end) return;
    this.#isWaiting = false;
    this.#tell({ type: "recovered" });
  }

  /** The other lanes must not go on repeating when the upload has ended. */
  #unlessStopped(act) {
    if (this.#end) throw Object.assign(new Error("stopped"), { kind: "stop" });
    return act();
  }

  #report() {
    if (this.#end) return;
    const progress = this.#tally.progress([...this.#moving.values()].reduce((total, bytes) => total + bytes, 0));
    this.#tools.pace.add(progress.bytesDone, this.#tools.now());
    this.#tell({ type: "progress", ...progress });
  }
}
