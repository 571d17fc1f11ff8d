"""A whole benchmark package by hand: five assays, two TFs, six sequences each, and submissions.

In every assay the records are a … f. Binary sets hold a … d: of ALPHA a and c are bound, of BETA b
and c. The set `positives` of HTS holds cycles: a 1 and c 2 in replicate 0, e 1 and f 3 in replicate
1. Sequences that ALPHA binds hold its consensus ACGTT.
"""

import json

ASSAYS = {"CHS": "c", "GHTS": "g", "HTS": "h", "SMS": "s", "PBM": "p"}
BACKGROUNDS = {
    "CHS": ["shades", "aliens"],
    "GHTS": ["random"],
    "HTS": ["input"],
    "SMS": ["aliens"],
    "PBM": ["QNZS_one"],
}
LABELS = {"ALPHA": [1, 0, 1, 0], "BETA": [0, 1, 1, 0]}
CYCLES = {"a": (1, 0), "c": (2, 0), "e": (1, 1), "f": (3, 1)}

PERFECT = {"ALPHA": [0.9, 0.1, 0.8, 0.2, 0.2, 0.2], "BETA": [0.1, 0.9, 0.8, 0.2, 0.2, 0.2]}
# Rankings + − + − and − + − +; of the positives' cycles one replicate falls and one rises.
HALF = {"ALPHA": [0.9, 0.5, 0.3, 0.1, 0.2, 0.4], "BETA": [0.9, 0.5, 0.1, 0.3, 0.2, 0.4]}

MATRIX = ">ALPHA good\n" + "".join(
    " ".join("0.97" if x == base else "0.01" for x in "ACGT") + "\n" for base in "ACGTT"
)
OPPOSITE = ">ALPHA bad\n" + "0.01 0.97 0.01 0.01\n" * 5


def tag(assay, letter):
    return f"{ASSAYS[assay]}aaaaa{letter}" if assay != "PBM" else f"HK0000{letter}"


def scorers_of(assay):
    averaged = "_averaged" if assay in ("HTS", "SMS") else ""
    names = ["MAUROC", "MAUPRC"] if averaged else ["AUROC", "AUPRC"]
    where = ["input"] if assay == "HTS" else ["all"]
    found = [
        {"name": f"prroc_rocauc{averaged}", "alias": names[0], "params": {}, "backgrounds": where},
        {
            "name": f"prroc_prauc{averaged}",
            "alias": names[1],
            "params": {"type": "integral"},
            "backgrounds": where,
        },
    ]
    if assay == "HTS":
        found.append(
            {"name": "kendalltau", "alias": "kendalltau", "params": {},
             "backgrounds": ["positives"]}
        )  # fmt: skip
    return found


def write_package(root, assays=tuple(ASSAYS), stage="Final"):
    """Write the package below `root`; return the folder of its configurations."""
    for assay in assays:
        datasets = []
        data = root / "BENCHMARK_DATA" / assay
        data.mkdir(parents=True, exist_ok=True)
        fasta = "".join(
            f">{tag(assay, x)} note\n{'TTACCCCCCC' if x not in 'ac' else 'GGACGTTGGC'}\n"
            for x in "abcdef"
        )
        (data / "sequences.fasta").write_text(fasta)
        for tf in LABELS:
            sets = {
                background: (dict(zip("abcd", LABELS[tf], strict=True)), None)
                for background in BACKGROUNDS[assay]
            }
            if assay == "HTS":
                sets["positives"] = (
                    {x: cycle for x, (cycle, _) in CYCLES.items()},
                    {x: replicate for x, (_, replicate) in CYCLES.items()},
                )
            for background, (labels, groups) in sets.items():
                name = f"{assay}_{tf}_{background}"
                content = {"labels": {tag(assay, x): label for x, label in labels.items()}}
                if groups is not None:
                    content["groups"] = {tag(assay, x): group for x, group in groups.items()}
                (data / f"{name}.json").write_text(json.dumps(content))
                place = f"__ROOTDIR__/BENCHMARK_DATA/{assay}"
                datasets.append(
                    {
                        "name": name,
                        "tf": tf,
                        "background": background,
                        "fasta_path": f"{place}/sequences.fasta",
                        "answer_path": f"{place}/{name}.json",
                    }
                )
        folder = root / "BENCHMARK_CONFIGS" / assay / stage
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "benchmark.json").write_text(
            json.dumps(
                {
                    "name": assay.lower(),
                    "kind": assay,
                    "datasets": datasets,
                    "scorers": scorers_of(assay),
                    "tfs": list(LABELS),
                    "tags": [tag(assay, x) for x in "abcdef"],
                    "pwmeval_path": "pwm_scoring",
                    "metainfo": {},
                },
                indent=4,
            )
        )
    return root / "BENCHMARK_CONFIGS"


def table_text(assay, scores):
    rows = ["\t".join(["tag", *scores])]
    for row, letter in enumerate("abcdef"):
        rows.append("\t".join([tag(assay, letter), *(str(own[row]) for own in scores.values())]))
    return "\n".join(rows) + "\n"


def write_team(folder, scores, assays=tuple(ASSAYS)):
    """Write a table for each assay; return the team's folder."""
    folder.mkdir(parents=True)
    for number, assay in enumerate(assays):
        (folder / f"table{number}.tsv").write_text(table_text(assay, scores))
    return folder
