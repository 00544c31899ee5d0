"""The figures of a table: what people look at before training, and what production is compared with after."""

from __future__ import annotations

from kervan.data.profile.nouns import (
    Advice,
    ColumnProfile,
    Dependency,
    Family,
    Kind,
    NumberProfile,
    Pair,
    Pattern,
    Profile,
    TextProfile,
    ValueCount,
)
from kervan.data.profile.table import profile

__all__ = [
    "Advice",
    "ColumnProfile",
    "Dependency",
    "Family",
    "Kind",
    "NumberProfile",
    "Pair",
    "Pattern",
    "Profile",
    "TextProfile",
    "ValueCount",
    "profile",
]
