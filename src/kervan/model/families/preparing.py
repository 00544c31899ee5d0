"""What stands before an estimator: numbers filled and scaled, categories spread, counted or replaced.

Nothing rescales the numbers in front of trees, which ask of each only whether it is above a bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.schema import Signature, Type
from kervan.model.families.family import Between, OneOf

if TYPE_CHECKING:
    from kervan.model.families.family import Parameters, Space

_SCALES = ("standard", "robust", "power")
_CODES = ("one_hot", "target")


def places(signature: Signature) -> tuple[list[int], list[int]]:
    """Return where the numbers and the categories are; a category without any known value says nothing."""
    numbers = [at for at, column in enumerate(signature.inputs) if column.type is not Type.CATEGORY]
    categories = [at for at, column in enumerate(signature.inputs) if column.allowed and at not in numbers]
    return numbers, categories


def imputed(parameters: Parameters) -> Any:
    """Fill missing numbers by their median, or by what `impute` says."""
    from sklearn.impute import SimpleImputer

    return SimpleImputer(strategy=parameters.get("impute", "median"), keep_empty_features=True)


def spread(signature: Signature, parameters: Parameters, seed: int = 0, *, scaled: bool = True) -> Any:
    """Fill numbers and bring them to one scale, and turn each category into columns of numbers.

    `scale` is how: "standard", "robust" or "power" (Yeo-Johnson). `encode` is "one_hot" (a column of 0 and 1
    for each category, unseen: all 0) or "target" (the mean of the target, cross-fitted while it learns).
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline

    numbers, categories = places(signature)
    numeric = make_pipeline(imputed(parameters), _scaler(parameters)) if scaled else imputed(parameters)
    codes = [list(range(len(signature.inputs.columns[at].allowed))) for at in categories]
    encoder = _encoder(signature, codes, parameters, seed)
    blocks = [("numbers", numeric, numbers), ("categories", encoder, categories)]
    return ColumnTransformer([block for block in blocks if block[2]])


def space_of_spread(signature: Signature) -> Space:
    """Return what a search varies of `spread`."""
    numbers, categories = places(signature)
    found: dict[str, Between | OneOf] = {}
    if numbers:
        found["scale"] = OneOf(_SCALES)
    if any(len(signature.inputs.columns[at].allowed) > 2 for at in categories):
        found["encode"] = OneOf(_CODES)
    return found


def targeted(signature: Signature, parameters: Parameters, seed: int) -> list[Any]:
    """Replace categories by means of the target in front of trees, where `encode` is "target"."""
    _, categories = places(signature)
    if parameters.get("encode", "codes") != "target" or not categories:
        return []
    from sklearn.compose import ColumnTransformer

    rest = [at for at in range(len(signature.inputs)) if at not in categories]
    columns = signature.inputs.columns
    codes = [list(range(len(columns[at].allowed))) for at in categories]
    encoder = _encoder(signature, codes, parameters, seed)
    blocks = [("numbers", "passthrough", rest), ("categories", encoder, categories)]
    return [ColumnTransformer([block for block in blocks if block[2]])]


def space_of_codes(signature: Signature) -> Space:
    """Return what a search varies of the categories in front of trees."""
    _, categories = places(signature)
    many = any(len(signature.inputs.columns[at].allowed) > 2 for at in categories)
    return {"encode": OneOf(("codes", "target"))} if many else {}


def _scaler(parameters: Parameters) -> Any:
    from sklearn.preprocessing import PowerTransformer, RobustScaler, StandardScaler

    kinds = {"standard": StandardScaler, "robust": RobustScaler, "power": PowerTransformer}
    return kinds[_one(parameters, "scale", _SCALES)]()


def _encoder(signature: Signature, codes: list[list[int]], parameters: Parameters, seed: int) -> Any:
    from sklearn.preprocessing import OneHotEncoder, TargetEncoder

    if parameters.get("encode") == "target":
        kind = "continuous"
        if signature.is_classification:
            kind = "binary" if len(signature.output.allowed) == 2 else "multiclass"
        return TargetEncoder(categories=codes, target_type=kind, random_state=seed)
    _one(parameters, "encode", _CODES)
    return OneHotEncoder(categories=codes, handle_unknown="ignore", sparse_output=False)


def _one(parameters: Parameters, name: str, options: tuple[str, ...]) -> str:
    value = str(parameters.get(name, options[0]))
    if value not in options:
        raise InvalidConfig(
            f"{name} = {value!r} is no way to prepare columns", hint=did_you_mean(value, options)
        )
    return value
