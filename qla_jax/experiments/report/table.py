"""The numbers people read first, as rows of text: for the terminal and for the page."""


def summary_rows(report: dict) -> list[list[str]]:
    """One row per network: accuracies (argmax, one sample, ideal erf network, plain baseline), errors, seconds."""
    rows = [["network", "argmax", "sample", "ideal", "plain", "error", "bound", "circuit", "train"]]
    for network in report["networks"]:
        accuracy, output = network["accuracy"], network["output_error"]
        rows.append(
            [
                network["kind"],
                f"{accuracy['argmax']:.4f}",
                f"{accuracy['sampled']:.4f}",
                f"{accuracy['ideal_argmax']:.4f}",
                f"{accuracy['baseline']:.4f}",
                f"{output['actual_max']:.1e}",
                f"{output['eps']:.1e}",
                f"{network['circuit_check']['max_deviation']:.1e}",
                f"{network['seconds']['train']:.0f} s",
            ]
        )
    return rows


def block_rows(network: dict) -> list[list[str]]:
    """One row per block: norms, largest error and eps, costs, its amplitude alone and with weights at alpha 2."""
    rows = [["block", "N min", "mean", "max", "no skip", "error", "eps", "ratio", "anc.", "calls", "ampl.", "2|W|"]]
    for norm, bare, error, cost in zip(
        network["norms"], network["norms_without_skip"], network["errors"], network["costs"]["blocks"], strict=True
    ):
        rows.append(
            [
                str(norm["block"]),
                f"{norm['min']:.3f}",
                f"{norm['mean']:.3f}",
                f"{norm['max']:.3f}",
                f"{bare['mean']:.3f}",
                f"{error['actual_max']:.1e}",
                f"{error['eps']:.1e}",
                f"{error['eps_over_actual']:.3g}",
                str(cost["num_ancillas"]),
                _large(cost["queries"]),
                f"{cost['amplitude_alone']:.2g}",
                f"{cost['amplitude_of_amplified_weight']:.2f}",
            ]
        )
    return rows


def terminal_rows(network: dict) -> list[list[str]]:
    """The terminal block's norm, and its part in what is read out; nothing without one."""
    found = network.get("terminal")
    if not found:
        return []
    return [
        ["N min", "mean", "max", "proven", "W / skip", "one sample", "before it"],
        [
            f"{found['min']:.3f}",
            f"{found['mean']:.3f}",
            f"{found['max']:.3f}",
            f"{found['low']:.2f}",
            f"{found['contribution']:.3g}",
            f"{found['sampled_expected']:.4f}",
            f"{found['sampled_expected_before']:.4f}",
        ],
    ]


def regime_rows(network: dict) -> list[list[str]]:
    """Costs of the amplified network in its regime, a row per number of blocks; nothing without a regime."""
    found = network.get("regime_costs")
    if not found:
        return []
    rows = [["blocks", "depth", "exact network", "weights", "loading", "calls", "ancillas", "qubits", "ampl."]]
    for row in found:
        start, classical = str(row["blocks"]), f"{row['classical']:.2g}"
        if "depth" not in row:
            rows.append([start, "beyond double precision", classical, *[""] * 6])
            continue
        shares = [f"{row[name] / row['depth']:.2%}" for name in ("weighing", "loading")]
        counts = [f"{row['queries']:.1e}", str(row["num_ancillas"]), str(row["num_qubits"])]
        rows.append([start, f"{row['depth']:.1e}", classical, *shares, *counts, f"{row['amplitude']:.3f}"])
    return rows


def claim_rows(network: dict) -> list[list[str]]:
    """How much of each bound the network's own weights and images reach, a row per block."""
    found = network.get("claims")
    if not found:
        return []
    names = list(dict.fromkeys(row["claim"] for row in found))
    places = list(dict.fromkeys(row["where"] for row in found))
    ratios = {(row["where"], row["claim"]): f"{row['ratio']:.3f}" for row in found}
    return [["", *names], *([place, *(ratios.get((place, name), "") for name in names)] for place in places)]


def _large(number: int) -> str:
    return str(number) if number < 10**5 else f"{number:.0e}"
