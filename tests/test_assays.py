import pytest

from dann_tfbs.assays import ASSAYS, PEAK_WINDOW, get_assay
from dann_tfbs.errors import InputError


@pytest.mark.parametrize(
    ("code", "kind", "window", "ratio"),
    [
        ("CHS", "genomic", 301, 1),
        ("GHTS", "genomic", 301, 1),
        ("HTS", "artificial", 40, 10),
        ("SMS", "artificial", 40, 5),
        ("PBM", "artificial", 35, 1),
    ],
)
def test_windows_and_ratios_are_those_of_the_baseline(code, kind, window, ratio):
    assay = get_assay(code)
    assert (assay.code, assay.kind, assay.window) == (code, kind, window)
    assert assay.negatives_per_positive == ratio


def test_the_peak_window_is_symmetric_about_its_summit():
    assert PEAK_WINDOW == 150 + 1 + 150


def test_kendall_is_for_cycles_and_partial_areas_for_reads():
    assert [code for code in ASSAYS if "kendall_tau" in ASSAYS[code].metrics] == ["HTS"]
    assert [code for code in ASSAYS if "mauroc" in ASSAYS[code].metrics] == ["HTS", "SMS"]
    assert [code for code in ASSAYS if "auroc" in ASSAYS[code].metrics] == ["CHS", "GHTS", "PBM"]


def test_an_unknown_code_is_explained_with_the_known_ones():
    with pytest.raises(InputError) as caught:
        get_assay("chs")
    assert str(caught.value) == ("'chs' is no known assay. Use one of CHS, GHTS, HTS, SMS, PBM.")
