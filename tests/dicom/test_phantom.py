"""The generated study is DICOM that pydicom and our own checks have nothing against."""

from io import BytesIO

from pydicom import dcmread

from uploads.dicom.findings import Outcome
from uploads.dicom.inspect import inspect
from uploads.dicom.phantom import ct_study, dx_study, mr_study, phantom_study
from uploads.dicom.source import BytesSource


def test_a_phantom_is_valid_and_its_values_are_too() -> None:
    files = list(phantom_study(2, 3, 32, 48))

    assert {inspect(BytesSource(file.content)).outcome for file in files} == {Outcome.VALID}
    ds = dcmread(BytesIO(files[0].content))
    assert str(ds.PatientName) == "PHANTOM^TEST"
    assert (ds.Rows, ds.Columns, len(ds.PixelData)) == (32, 48, 2 * 32 * 48)
    assert [element.value for element in ds.iterall()]


def test_a_phantom_has_its_series_its_paths_and_uids_of_its_own_each_time() -> None:
    identities = [
        inspect(BytesSource(file.content)).identity
        for file in (*phantom_study(2, 3, 16, 16), *phantom_study(2, 3, 16, 16))
    ]

    assert len({identity.study_uid for identity in identities if identity}) == 2
    assert len({identity.series_uid for identity in identities if identity}) == 4
    assert len({identity.sop_uid for identity in identities if identity}) == 12
    assert len({file.path for file in phantom_study(2, 3, 16, 16)}) == 6


def test_slices_of_a_phantom_differ_and_show_a_body_in_air() -> None:
    first, second = (dcmread(BytesIO(file.content)).PixelData for file in phantom_study(1, 2, 64, 64))

    assert first != second
    assert first[:2] == (-1000).to_bytes(2, "little", signed=True)
    assert len(set(memoryview(first).cast("h"))) > 4


def test_the_benchmarks_studies_have_the_sizes_they_were_measured_with() -> None:
    sizes = [len(next(study()).content) for study in (ct_study, dx_study, mr_study)]

    assert 0.52e6 < sizes[0] < 0.54e6
    assert 17.9e6 < sizes[1] < 18.1e6
    assert 64e3 < sizes[2] < 66e3
