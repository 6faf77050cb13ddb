/** Counts what is to come and what is there, in all and for each study. Pure. */

/** @param {Array<{size, study}>} entries `study` is any key that the entries of a study share */
export function makeTally(entries) {
  const all = empty();
  const studies = new Map();
  for (const { size, study } of entries) {
    for (const count of [all, studyOf(study)]) {
      count.files += 1;
      count.bytes += size;
    }
  }

  function studyOf(key) {
    if (!studies.has(key)) studies.set(key, empty());
    return studies.get(key);
  }

  function change({ study }, changes) {
    for (const count of [all, studyOf(study)]) {
      for (const [name, by] of Object.entries(changes)) count[name] += by;
    }
  }

  /** @param {number} moving bytes that the line has taken and nobody has acknowledged */
  function progress(moving) {
    return { ...all, bytesDone: Math.min(all.bytes, all.bytesDone + moving), studies };
  }

  return {
    arrived: (file, bytes, isWhole) => change(file, { bytesDone: bytes, filesDone: isWhole ? 1 : 0 }),
    excluded: (file, bytes) => change(file, { files: -1, bytes: -bytes }),
    progress,
  };
}

function empty() {
  return { files: 0, filesDone: 0, bytes: 0, bytesDone: 0 };
}
