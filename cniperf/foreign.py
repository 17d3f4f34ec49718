"""The door: what others may have written becomes a typed model here, or is refused in one line.

Nothing behind a model of this module asks again what it was given.
"""

from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from cniperf.errors import one_line, shown

# Large and small enough for any figure, and far enough from where a float overflows.
MOST, LEAST = 1e15, 1e-12

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]*\z", max_length=200)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\z", max_length=200)]
LINE = r"^[^\p{Cc}\p{Zl}\p{Zp}]*\z"
Line = Annotated[str, StringConstraints(pattern=LINE, max_length=1000)]
Said = Annotated[str, AfterValidator(one_line)]  # what a tool said, folded into a line

Count = Annotated[int, Field(ge=0, le=10**12)]
Finite = Annotated[float, Field(ge=-MOST, le=MOST)]
Amount = Annotated[float, Field(ge=0, le=MOST)]
Positive = Annotated[float, Field(ge=LEAST, le=MOST)]
Share = Annotated[float, Field(ge=0, le=1.000001)]  # a sum of floats may end a little above 1


class Foreign(BaseModel):
    """A piece of a file: each known key has its type and range, others are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)

    @classmethod
    def of(cls, data: object, /) -> Self:
        """Return the contents of a parsed file.

        Raises:
            ValueError: something in it is not allowed; the text is one line.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as problem:
            raise ValueError(explained(problem)) from None


def explained(problem: ValidationError) -> str:
    """Return in one line what a model refused first, and how much else."""
    first, *others = problem.errors(include_url=False)
    where = ".".join(shown(part).strip("'") for part in first["loc"][:8])
    more = f" (and {len(others)} more)" if others else ""
    return one_line(f"{_complaint(where, first)}{more}")


def _complaint(where: str, error: Any) -> str:  # noqa: ANN401
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        return f"{where} is missing"
    if error["type"] == "value_error" and not where:
        return str(message)
    if error["type"] == "value_error" and isinstance(error["input"], dict):
        return f"{where}: {message}"  # of several keys together, which the message names
    return f"{where or 'it'} is {shown(error['input'])}: {message[0].lower()}{message[1:]}"
