"""JSON held against the schemas that `xenshark schema` prints."""

from __future__ import annotations

import functools
from typing import Any

from jsonschema import Draft202012Validator

from dissector.results.encoding import schema
from dissector.results.registry import RESULTS


@functools.cache
def validator(name: str) -> Draft202012Validator:
    """That of one kind of object, which lets no key pass that the schema does not have."""
    whole = schema(RESULTS[name], name)
    Draft202012Validator.check_schema(whole)
    _close(whole)
    return Draft202012Validator(whole)


def _close(part: Any) -> None:
    """Allows no further keys in what has its own: a published schema leaves room for those of later versions."""
    if isinstance(part, dict):
        if "required" in part:
            part["additionalProperties"] = False
        for inside in part.values():
            _close(inside)
    elif isinstance(part, list):
        for inside in part:
            _close(inside)


def check(name: str, value: Any) -> None:
    """Raises AssertionError that says where an object is not as its schema says."""
    errors = [f"{error.json_path}: {error.message[:300]}" for error in validator(name).iter_errors(value)]
    assert not errors, errors[:3]
