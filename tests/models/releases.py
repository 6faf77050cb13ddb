"""What the programs of a release ask of the tables that a later release has migrated.

`prepare` migrates while programs of the release before are still at work (docs/deployment.md, Upgrade).
"""

from collections.abc import Iterator
from typing import cast

from django.db.migrations.state import ModelState, ProjectState
from django.db.models import NOT_PROVIDED, BaseConstraint, Field

Column = Field[object, object]


def in_the_way(before: ProjectState, after: ProjectState) -> list[str]:
    """What programs of the release before would fall over."""
    return [
        sentence
        for key, model in before.models.items()
        if key[0] == "uploads"
        for sentence in _of_model(model, after.models.get(key))
    ]


def _of_model(before: ModelState, after: ModelState | None) -> Iterator[str]:
    if after is None:
        yield f"{before.name} is gone"
        return
    old, new = _columns(before), _columns(after)
    for name, column in old.items():
        yield from (f"{before.name}.{name} {what}" for what in _of_column(column, new.get(name)))
    for name in new.keys() - old.keys():
        if not _may_be_left_out(new[name]):
            yield f"{before.name}.{name} is asked for, and old programs don't name it"
    known = _constraints(before)
    for name, constraint in _constraints(after).items():
        if constraint not in known.values() and not _is_wider(known.get(name), constraint):
            yield f"{before.name}: {name} may refuse what old programs write"


def _of_column(old: Column, new: Column | None) -> Iterator[str]:
    if new is None:
        yield "is gone"
        return
    if old.get_internal_type() != new.get_internal_type():
        yield "is of another kind"
    elif (old.max_length or 0) > (new.max_length or 0):
        yield "takes fewer letters"
    if old.null and not new.null:
        yield "must not be empty any more"
    if {value for value, _ in old.flatchoices} - {value for value, _ in new.flatchoices}:
        yield "has lost a choice"


def _may_be_left_out(column: Column) -> bool:
    return column.null or column.db_default is not NOT_PROVIDED or column.many_to_many is True


def _is_wider(old: BaseConstraint | None, new: BaseConstraint) -> bool:
    """A check of what a column may hold, that allows more than before."""
    held = [_values(one) for one in (old, new)]
    return all(held) and held[0] <= held[1]


def _values(constraint: BaseConstraint | None) -> frozenset[tuple[str, object]]:
    children = getattr(getattr(constraint, "condition", None), "children", [])
    if len(children) != 1 or not str(children[0][0]).endswith("__in"):
        return frozenset()
    ((column, values),) = children
    return frozenset((column, value) for value in values)


def _columns(model: ModelState) -> dict[str, Column]:
    return cast(dict[str, Column], model.fields)


def _constraints(model: ModelState) -> dict[str, BaseConstraint]:
    return {one.name: one for one in model.options.get("constraints", [])}
