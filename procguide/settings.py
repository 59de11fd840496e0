"""Settings that a person writes: one YAML file, checked before anything begins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from procguide.errors import UsageError

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["read_settings_file"]

_LARGEST_FILE = 1_000_000
Settings = TypeVar("Settings", bound="BaseModel")


def read_settings_file(path: Path, model: type[Settings], what: str) -> Settings:
    """One YAML file as ``model``; every fault is named with its place in the file, and what may stand there.

    ``what`` is what the file should be, as in ``"a peers file"``. The model's validators find the file's
    folder in their context.
    """
    import yaml
    from pydantic import ValidationError

    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise UsageError(f"{path.name} is too large for {what}")
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
        return model.model_validate({} if given is None else given, context={"folder": path.parent})
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path.name} is not YAML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'file'}: {fault['msg']}"
            for fault in error.errors()
        )
        allowed = ", ".join(field.alias or name for name, field in model.model_fields.items())
        raise UsageError(f"{path.name} is not {what}: {faults}. What it may hold: {allowed}") from error
