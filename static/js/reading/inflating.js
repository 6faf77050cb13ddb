/** The head of a deflated data set (PS3.5 A.5), inflated with a bound. */

const HEAD_LIMIT = 4 * 1024 * 1024; // inflated bytes kept; what follows is not inflated
const DEFLATED_LIMIT = HEAD_LIMIT; // deflated bytes looked at: no head takes more
const PIECE = 64 * 1024; // bytes
const TAIL = 16; // bytes given one by one: padding behind the stream is an error that takes its piece's output along

/**
 * @returns {Promise<object>} a file to walk over: `{ size, read, isWhole }`. Whole: the end was seen, `size` is all there is.
 */
export async function inflateHead(file, at) {
  const end = Math.min(file.size, at + DEFLATED_LIMIT);
  const { bytes, isOver } = await inflate(file, at, end);
  const read = async (from, to) => bytes.subarray(from, Math.min(to, bytes.length));
  return { size: bytes.length, read, isWhole: !isOver && end === file.size };
}

async function inflate(file, at, end) {
  const stream = pieces(file, at, end).pipeThrough(new DecompressionStream("deflate-raw"));
  const reader = stream.getReader();
  const found = [];
  let length = 0;
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      found.push(step.value.subarray(0, HEAD_LIMIT - length));
      length += found.at(-1).length;
      if (length < HEAD_LIMIT) continue;
      await reader.cancel().catch(() => {});
      return { bytes: joined(found, length), isOver: true };
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it is the file that can't be read, not the stream
  }
  return { bytes: joined(found, length), isOver: false };
}

function pieces(file, at, end) {
  let position = at;
  const pull = async (controller) => {
    if (position >= end) return controller.close();
    const next = position < end - TAIL ? Math.min(position + PIECE, end - TAIL) : position + 1;
    controller.enqueue(await file.read(position, next));
    position = next;
  };
  return new ReadableStream({ pull }, { highWaterMark: 0 });
}

function joined(found, length) {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of found) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
