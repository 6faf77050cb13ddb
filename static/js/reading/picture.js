/** Turns the pixels of an uncompressed image into a small picture. Pure. */

export const WIDEST = 256; // pixels
const LARGEST_FRAME = 128 * 1024 * 1024; // bytes
const MOST_SAMPLES = 4; // looked at in each direction for one pixel of the picture
const PIXEL_DATA = 0x7fe00010;
const UNDEFINED = 0xffffffff;
const NATIVE = new Set(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"]);
const GRAY = new Set(["MONOCHROME1", "MONOCHROME2"]);

/**
 * Where the middle frame's bytes are in the file.
 * @param {object} instance as `readHeader` answers it
 * @returns {{start: number, end: number}|null} null: not a picture that can be made here
 */
export function frameRange(instance) {
  const { pixels, rows, columns, frames, samples, bitsAllocated } = instance;
  if (!isDrawable(instance)) return null;
  const length = (rows * columns * samples * bitsAllocated) / 8;
  const start = pixels.offset + Math.floor((frames - 1) / 2) * length;
  const isWhole = start + length <= pixels.offset + pixels.length;
  return isWhole && length <= LARGEST_FRAME ? { start, end: start + length } : null;
}

function isDrawable({ pixels, rows, columns, samples, photometric, bitsAllocated, syntax }) {
  if (!pixels || pixels.tag !== PIXEL_DATA || pixels.length === UNDEFINED || !NATIVE.has(syntax)) return false;
  if (rows < 1 || columns < 1) return false;
  const isGray = GRAY.has(photometric) && samples === 1 && (bitsAllocated === 8 || bitsAllocated === 16);
  return isGray || (photometric === "RGB" && samples === 3 && bitsAllocated === 8);
}

/**
 * Draw the frame.
 * @param {object} instance as `readHeader` answers it
 * @param {Uint8Array} bytes of the range that `frameRange` names
 * @returns {{width: number, height: number, data: Uint8ClampedArray}} RGBA, at most 256 pixels wide and high
 */
export function drawFrame(instance, bytes) {
  const { rows, columns } = instance;
  const scale = Math.max(1, columns / WIDEST, rows / WIDEST);
  const width = Math.max(1, Math.round(columns / scale));
  const height = Math.max(1, Math.round(rows / scale));
  const colorAt = instance.samples === 3 ? colors(instance, bytes) : grays(instance, bytes);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const box = { left: span(x, width, columns), top: span(y, height, rows) };
      data.set(mean(box, columns, colorAt), (y * width + x) * 4);
    }
  }
  return { width, height, data };
}

/** The source's pixels, some of them where they are many, behind pixel `index` of `count`. */
function span(index, count, size) {
  const from = Math.floor((index * size) / count);
  const to = Math.max(from + 1, Math.floor(((index + 1) * size) / count));
  return { from, to, step: Math.max(1, Math.ceil((to - from) / MOST_SAMPLES)) };
}

function mean({ left, top }, columns, colorAt) {
  const sum = [0, 0, 0];
  let count = 0;
  for (let y = top.from; y < top.to; y += top.step) {
    for (let x = left.from; x < left.to; x += left.step) {
      const color = colorAt(y * columns + x);
      for (let channel = 0; channel < 3; channel += 1) sum[channel] += color[channel];
      count += 1;
    }
  }
  return [sum[0] / count, sum[1] / count, sum[2] / count, 255];
}

function colors({ rows, columns, planar }, bytes) {
  const plane = rows * columns;
  if (planar === 1) return (at) => [bytes[at], bytes[plane + at], bytes[2 * plane + at]];
  return (at) => [bytes[3 * at], bytes[3 * at + 1], bytes[3 * at + 2]];
}

function grays(instance, bytes) {
  const stored = storedValues(instance, bytes);
  const { slope, intercept } = instance.rescale;
  const toGray = window(instance, stored);
  const isInverse = instance.photometric === "MONOCHROME1";
  return (at) => {
    const gray = toGray(stored(at) * slope + intercept);
    const shown = isInverse ? 255 - gray : gray;
    return [shown, shown, shown];
  };
}

/** The bits that hold the value, with its sign (PS3.5 8.1.1). */
function storedValues({ bitsAllocated, bitsStored, highBit, isSigned, encoding }, bytes) {
  const bits = bitsStored >= 1 && bitsStored <= bitsAllocated ? bitsStored : bitsAllocated;
  const shift = highBit + 1 >= bits && highBit < bitsAllocated ? highBit + 1 - bits : 0;
  const sign = 32 - bits;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const raw = bitsAllocated === 8 ? (at) => bytes[at] : (at) => view.getUint16(2 * at, encoding.isLittle);
  if (isSigned) return (at) => ((raw(at) >> shift) << sign) >> sign;
  return (at) => ((raw(at) >> shift) << sign) >>> sign;
}

/** The first window of the header, or all values from the darkest to the brightest (PS3.3 C.11.2.1.2). */
function window(instance, stored) {
  const center = instance.window.centers[0];
  const width = instance.window.widths[0];
  if (center !== undefined && width >= 1) {
    return (value) => clamp(((value - (center - 0.5)) / Math.max(width - 1, Number.MIN_VALUE) + 0.5) * 255);
  }
  const { lowest, highest } = extremes(instance, stored);
  return (value) => (highest > lowest ? clamp(((value - lowest) / (highest - lowest)) * 255) : 0);
}

function extremes({ rows, columns, rescale, padding, isSigned }, stored) {
  const skipped = padding !== null && isSigned && padding > 0x7fff ? padding - 0x10000 : padding;
  let lowest = Infinity;
  let highest = -Infinity;
  for (let at = 0; at < rows * columns; at += 1) {
    const value = stored(at);
    if (value === skipped) continue;
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  const ends = [lowest * rescale.slope + rescale.intercept, highest * rescale.slope + rescale.intercept];
  return { lowest: Math.min(...ends), highest: Math.max(...ends) };
}

function clamp(gray) {
  return Math.min(255, Math.max(0, gray));
}
