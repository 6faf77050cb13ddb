/** Builds POSIX ustar archives (IEEE Std 1003.1, pax: "ustar Interchange Format") out of Blobs, without copying them. */

export const BLOCK_BYTES = 512;
export const END_BYTES = 2 * BLOCK_BYTES;

/** One member is `{ name, blob }`; the name is plain ASCII of at most 100 characters. */
export function tarBlob(members) {
  return new Blob(tarParts(members), { type: "application/x-tar" });
}

/** How many bytes a member of `size` bytes takes: its header, itself, and its padding. */
export function memberBytes(size) {
  return BLOCK_BYTES + size + paddingBytes(size);
}

export function tarParts(members) {
  const parts = [];
  for (const { name, blob } of members) {
    parts.push(tarHeader(name, blob.size), blob);
    const padding = paddingBytes(blob.size);
    if (padding > 0) parts.push(new Uint8Array(padding));
  }
  parts.push(new Uint8Array(END_BYTES));
  return parts;
}

export function tarHeader(name, size) {
  const header = new Uint8Array(BLOCK_BYTES);
  writeText(header, 0, plainName(name));
  writeOctal(header, 100, 8, 0o644); // mode
  writeOctal(header, 108, 8, 0); // owner
  writeOctal(header, 116, 8, 0); // group
  writeOctal(header, 124, 12, size);
  writeOctal(header, 136, 12, 0); // time: neutral
  header.fill(0x20, 148, 156); // the checksum is taken with blanks in its place
  writeText(header, 156, "0"); // a regular file
  writeText(header, 257, "ustar\0" + "00");
  const sum = header.reduce((total, byte) => total + byte, 0);
  writeText(header, 148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return header;
}

function paddingBytes(size) {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

function plainName(name) {
  if (!/^[\x21-\x7e]{1,100}$/.test(name)) throw new RangeError("a member's name is 1 to 100 plain characters");
  return name;
}

function writeOctal(header, offset, length, value) {
  writeText(header, offset, value.toString(8).padStart(length - 1, "0"));
}

function writeText(header, offset, text) {
  for (let index = 0; index < text.length; index += 1) header[offset + index] = text.charCodeAt(index);
}
