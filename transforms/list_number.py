"""How a decision names a complete list (在册名单): by its number, or by the number of a file that it came in.

The number of a list is 区划代码/认定部门/类别/月份, as in `330112/民政/DIBAO/202306`: the scope for which the list is
complete. A list of a wording without category has no number (a wording may be anything) and is named by its file.
"""

from __future__ import annotations

import polars as pl

LIST_KIND = "名单"
"""对象类型 of a decision on a list."""
FILE = r"^F[0-9a-f]{16}$"
NUMBER = r"^(\d{2}|\d{4}|\d{6}|\d{9}|\d{12})/([^/*\d]*)/([A-Za-z][A-Za-z0-9_]{0,15}|[^/?\d]+)/(\d{4}(?:0[1-9]|1[0-2]))$"
"""No part has room for the number of a certificate, a phone or an account."""
PARTS = ("region_code", "department", "category", "list_month")


def numbers(region: pl.Expr, department: pl.Expr, code: pl.Expr, list_month: pl.Expr) -> pl.Expr:
    """Numbers of lists; null where a list can only be named by its file."""
    text = pl.concat_str(
        [region, department.fill_null(""), code, list_month.cast(pl.String)],
        separator="/",
        ignore_nulls=False,
    )
    return pl.when(text == tidy(text)).then(text)


def tidy(text: pl.Expr) -> pl.Expr:
    """The object of a decision on a list in the form of the patterns above, as far as it has one; else null."""
    plain = text.str.normalize("NFKC").str.replace_all(r"\s+", "")
    month = plain.str.replace(r"/(\d{4})[-.年](\d{2})月?$", "/${1}${2}")
    file = pl.concat_str(pl.lit("F"), plain.str.slice(1).str.to_lowercase())
    cases = pl.when(month.str.contains(NUMBER)).then(month)
    return cases.when(plain.str.contains("^[Ff]") & file.str.contains(FILE)).then(file)


def parsed(text: pl.Expr) -> tuple[pl.Expr, ...]:
    """`PARTS` and file_id of tidied objects: the four parts of a number (no department: null), or the file's."""
    parts = text.str.extract_groups(NUMBER).struct
    texts = {name: parts.field(str(place)) for place, name in enumerate(PARTS, 1)}
    texts["department"] = pl.when(texts["department"] != "").then(texts["department"])
    texts["list_month"] = texts["list_month"].cast(pl.Int32, strict=False)
    file_id = pl.when(text.str.contains(FILE)).then(text)
    return (*(expr.alias(name) for name, expr in texts.items()), file_id.alias("file_id"))
