"""What every configuration section shares."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Frozen, strict about names, coercing about types (PyYAML reads 1e-4 as text and a folder 2024 as a number); every number is finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False, coerce_numbers_to_str=True)
