"""Which characteristic of a person, that the law protects, the name of an attribute suggests.

The characteristics are those of the EU's Charter of Fundamental Rights (article 21) and the UK's
Equality Act 2010 that tables of deals are known to hold; in English, German, French, Spanish and
Chinese. A name only suggests: the audit warns and does not stop.
"""

from __future__ import annotations

import re
import unicodedata

_OF_THINGS = (
    r"(?<!account )(?<!company )(?<!domain )(?<!deal )(?<!business )(?<!firm )(?<!lead )"
    r"(?<!website )(?<!contract )(?<!building )"
)
"""Not after these words: the age of a company is nobody's age."""

# Latin names without their accents, as words; Chinese is written without spaces.
_WORDS = {
    "gender": (
        r"gender|sex|female|male|geschlecht|anrede|genre|sexe|civilite|genero|sexo|sexual\w*"
        r"|transgender"
    ),
    "age": (
        rf"{_OF_THINGS}age([\W_]?(group|band|class|range))?|birth\w*|dob|senior[\W_]?citizens?"
        r"|seniors?|alter(sgruppe|sklasse)?|lebensalter|geburts\w*|tranche d age|naissance|edad"
        r"|nacimiento|(year|date)[\W_]?of[\W_]?birth"
    ),
    "nationality": (
        r"national(ity|ities)|nationalitat|staatsangehorigkeit|staatsburgerschaft|citizenship"
        r"|nationalite|citoyennete|nacionalidad|ciudadania|(country|place)[\W_]?of[\W_]?birth"
        r"|immigra\w*|migrationshintergrund"
    ),
    "ethnicity": (
        r"ethnic\w*|ethni(e|en|que|sche?)|ethnisch\w*|race|racial|rasse|raza|etnia|etnic\w*"
        r"|skin[\W_]?colou?r|hautfarbe"
    ),
    "religion": (
        r"religi\w*|konfession|glaube|kirchensteuer|culte|faith|church|belief|kirchenzugehorigkeit"
    ),
    "disability": (
        r"disab\w*|(schwer)?behindert\w*|(schwer)?behinderung\w*|handicap\w*|invalid(e|ite|ez)"
        r"|discapacidad|minusvalia|wheelchair"
    ),
    "family": (
        r"marital\w*|married|familienstand|verheiratet|geschieden|dependents|pregnan\w*|schwanger\w*"
        r"|(situation|statut)[\W_](familiale|matrimoniale?)|etat[\W_]civil|marie(e|s)?|enceinte"
        r"|estado[\W_]civil|casad[oa]s?|embaraz\w*|civil[\W_]status|partnership[\W_]status"
    ),
    "politics": r"political\w*|trade[\W_]union|union[\W_]member\w*|gewerkschaft\w*|partei",
}
_SIGNS = {
    "gender": "性别|男女|性別",
    "age": "年龄|年齡|出生|生日|岁数",
    "nationality": "国籍|國籍|公民身份",
    "ethnicity": "民族|种族|種族|籍贯|族裔",
    "religion": "宗教|信仰",
    "disability": "残疾|殘疾|残障|伤残",
    "family": "婚姻|婚否|已婚|怀孕|孕妇|生育",
    "politics": "政治面貌|党派|工会会员",
}
_FOUND = {
    kind: re.compile(rf"(?:^|[\W_\d])(?:{words})(?=$|[\W_\d])|{_SIGNS[kind]}", re.IGNORECASE)
    for kind, words in _WORDS.items()
}


def protected_characteristic(words: str) -> str | None:
    """Name the characteristic that an attribute's name, written as words, suggests; else None."""
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", words)
        if not unicodedata.combining(letter)
    )
    return next((kind for kind, pattern in _FOUND.items() if pattern.search(plain)), None)
