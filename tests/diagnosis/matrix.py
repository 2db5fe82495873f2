"""Confusion matrix of the rules on the generated curves.

python -m tests.diagnosis.matrix    # prints the table of docs/convergence.md
"""

from collections import Counter

from tests.diagnosis.generated_curves import generate
from tuner.diagnosis import diagnose
from tuner.trial.records import Convergence

SEEDS = range(2)

Matrix = Counter[tuple[Convergence, Convergence]]
"""Counts by (what the generator meant, what the rules say)."""


def confusion() -> Matrix:
    """Counts over the curves of all seeds."""
    return Counter(
        (curve.status, diagnose(curve.reports, curve.guess, curve.settings).status)
        for seed in SEEDS
        for curve in generate(seed=seed)
    )


def main() -> None:
    """Prints the table."""
    matrix = confusion()
    print("| meant \\ said |", " | ".join(f"`{status}`" for status in Convergence), "| right |")
    print("|---" * (len(Convergence) + 2) + "|")
    for meant in Convergence:
        row = [matrix[meant, said] for said in Convergence]
        share = matrix[meant, meant] / sum(row)
        print(f"| `{meant}` |", " | ".join(str(n or "") for n in row), f"| {share:.1%} |")
    right = sum(matrix[status, status] for status in Convergence)
    print(f"\n{right} of {matrix.total()} right ({right / matrix.total():.1%})")


if __name__ == "__main__":
    main()
