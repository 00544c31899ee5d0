"""Why a model answers as it does: importance, partial dependence, contributions of one row's values."""
