"""The base of everything that is read from or written to disk: frozen, with no unknown keys."""

from pydantic import BaseModel, ConfigDict


class Block(BaseModel):
    """A frozen part of a record."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, protected_namespaces=(), ser_json_inf_nan="constants"
    )
