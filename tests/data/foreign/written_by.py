"""Write a schema with pandera 0.35 and a suite with Great Expectations 1.24, as their users do.

    python written_by.py pandera|expectations FOLDER

The files beside this were written so; neither library is needed to read them.
"""

import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
if __name__ == "__main__":
    what, to = sys.argv[1:]
    if what == "pandera":
        import pandera.pandas as pa

        schema = pa.DataFrameSchema(
            {
                "age": pa.Column("int64", [pa.Check.ge(0), pa.Check.le(120)]),
                "sex": pa.Column(str, pa.Check.isin(["Female", "Male"])),
                "plate": pa.Column(
                    str, [pa.Check.str_matches(r"\d\d [A-Z]+"), pa.Check.str_length(4, 9)], unique=True
                ),
                "rent": pa.Column("float64", pa.Check.in_range(0, 5000), nullable=True),
                "start": pa.Column("datetime64[ns]"),
                "city": pa.Column(str, pa.Check.notin(["Atlantis"]), required=False),
                "code": pa.Column(str, pa.Check.str_startswith("T-")),
                "height": pa.Column(float, pa.Check.gt(0)),
                "one": pa.Column(int, pa.Check.eq(1)),
            },
            unique=["age", "plate"],
            strict=True,
            coerce=True,
        )
        schema.to_yaml(to + "/pandera.yaml")
        Path(to, "pandera.json").write_text(schema.to_json(), encoding="utf-8")
    else:
        import great_expectations as gx
        import great_expectations.expectations as gxe

        suite = gx.ExpectationSuite(
            name="rents",
            expectations=[
                gxe.ExpectColumnToExist(column="age"),
                gxe.ExpectColumnValuesToBeBetween(column="age", min_value=0, max_value=120, mostly=0.995),
                gxe.ExpectColumnValuesToNotBeNull(column="age"),
                gxe.ExpectColumnValuesToNotBeNull(column="rent", mostly=0.9),
                gxe.ExpectColumnValuesToBeInSet(column="sex", value_set=["Female", "Male"]),
                gxe.ExpectColumnValuesToMatchRegex(column="plate", regex=r"^\d\d [A-Z]+$"),
                gxe.ExpectColumnValueLengthsToBeBetween(column="plate", min_value=4, max_value=9),
                gxe.ExpectColumnValuesToBeUnique(column="plate"),
                gxe.ExpectCompoundColumnsToBeUnique(column_list=["age", "plate"]),
                gxe.ExpectTableRowCountToBeBetween(min_value=10, max_value=1000),
                gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="end", column_B="start", or_equal=True),
                gxe.ExpectColumnValuesToBeOfType(column="age", type_="int64"),
                gxe.ExpectColumnMeanToBeBetween(column="age", min_value=20, max_value=60),
                gxe.ExpectColumnValuesToNotBeInSet(column="city", value_set=["Atlantis"]),
            ],
        )
        import json

        text = json.dumps(suite.to_json_dict(), indent=2, sort_keys=True)
        Path(to, "expectations.json").write_text(f"{text}\n", encoding="utf-8")
