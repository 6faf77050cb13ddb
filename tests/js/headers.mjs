// Files as the reader answers them, for tests of what comes after it.

export function header({ patient = {}, study = {}, series = {}, instance = {}, ...rest } = {}) {
  return {
    kind: "dicom",
    reason: null,
    unsure: [],
    patient: { id: "P1", birthDate: "19500101", name: "DOE^JANE", shownName: "DOE, JANE", sex: "F", age: "", ...patient },
    study: { uid: "1", date: "20240229", time: "", description: "", accession: "", ...study },
    series: { uid: "1.1", number: 1, modality: "CT", description: "", protocol: "", bodyPart: "HEAD", contrast: "", ...series },
    instance: { uid: "1.1.1", kind: "image", number: 1, imageType: [], rows: 512, columns: 512, frames: 1, ...instance },
    ...rest,
  };
}

export const file = (changes, path = "IM", size = 10) => ({ source: { path, size }, header: header(changes) });

export const left = (kind, reason, path, size = 10) => ({ source: { path, size }, header: { kind, reason } });
