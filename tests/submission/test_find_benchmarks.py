from dann_tfbs.submission.participants import find_benchmarks


def test_the_assay_is_read_below_the_package_not_above_it(tmp_path):
    root = tmp_path / "HTS" / "package"
    for code in ("HTS", "PBM"):
        folder = root / "BENCHMARK_CONFIGS" / code / "Final"
        folder.mkdir(parents=True)
        (folder / "benchmark.json").write_text("{}")
    found = find_benchmarks(root, "Final")
    assert {code: path.parts[-3] for code, path in found.items()} == {"HTS": "HTS", "PBM": "PBM"}
