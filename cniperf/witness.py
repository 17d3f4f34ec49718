"""Two counts of one figure are compared: where they disagree, neither counts."""

from cniperf.errors import MeasurementFailed

Told = tuple[str, float]  # what counted, and the result


def agree(what: str, one: Told, other: Told, *, within: float, plus: float = 0.0) -> None:
    """Check two figures of the same thing against each other.

    Args:
        what: the thing, with its unit.
        one: what counted it, and the figure.
        other: the same of the second witness.
        within: share of the larger one that they may differ by.
        plus: what they may differ by besides, in the unit.

    Raises:
        MeasurementFailed: they differ by more; the text has both.
    """
    (who, figure), (whose, second) = one, other
    allowed = within * max(abs(figure), abs(second)) + plus
    if not abs(figure - second) <= allowed:  # one that is no number agrees with nothing
        raise MeasurementFailed(
            f"two counts of {what} disagree: {figure:.6g} by {who}, {second:.6g} by {whose} "
            f"(they may differ by {allowed:.3g})"
        )
