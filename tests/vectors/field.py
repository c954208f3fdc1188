"""Allocation examples from the field, by name and source: what people outside this project expect of an allocation key.

Energy in mWh, as source units times a factor. `precision_mwh` is what the source rounds to; rounded half up to it, the
amounts of the rules are the source's. kind `quoted`: the source prints these numbers; `second-hand`: another work
quotes them from the source; `constructed`: numbers of our own for a rule that the source states in words.
"""

from typing import Any

from lindenstrom.core.calendar import parse_date, window_of
from lindenstrom.core.terms import NO_CAP, Key, Role

KWH, WH = 10**6, 10**3

SOURCES = {
    "bdew": {
        "title": "BDEW, Anwendungshilfe Beispiele von Berechnungsformeln für das Solarpaket 1, v1.0, 25.01.2024, "
        "Beispiele 1 und 3; not read itself: formulas and numbers as in the documentation of the crate metering 0.25",
        "url": "https://docs.rs/crate/metering/latest/source/site/content/docs/allocation.md",
        "says": "Malo2 Verbrauch = Pos(Melo2 Verbrauch − 10 % Melo1 Erzeugung); variable: by Melo_i / Σ Melo_j",
    },
    "enwg": {
        "title": "EnWG §42b (5), as quoted in the documentation of the crate metering",
        "url": "https://docs.rs/crate/metering/latest/source/tests/it/allocation.rs",
        "says": "what can be shared is the lesser of what is produced and what all participants draw in 15 minutes",
    },
    "egemeinschaft": {
        "title": "e-gemeinschaft.at, Verteilung der Energie (a quarter-hour made up anew at each visit)",
        "url": "https://e-gemeinschaft.at/verteilung.php",
        "says": "dyn: in proportion to draw and feed-in; stat: the same share for each, what one does not need is "
        "spread evenly over the others",
    },
    "pleinsoleil": {
        "title": "Plein Soleil, L'autoconsommation collective, Exemple",
        "url": "https://doc.plein-soleil.org/books/les-projets/page/lautoconsommation-collective",
        "says": "A gives 1 kWh, B draws 0.4 and comes first, C draws 0.8: B gets 0.4, C the other 0.6",
    },
    "neoom": {
        "title": "neoom, Mehrfachteilnahme Energiegemeinschaften, Beispiel",
        "url": "https://wissen.neoom.com/mehrfachteilnahme",
        "says": "1 kWh in a quarter-hour, factors of 70 % and 30 %: 0.7 kWh count in one community, 0.3 in the other",
    },
    "regenerative": {
        "title": "regenerative.at, Mitgliedschaft in verschiedenen Energiegemeinschaften, Beispiel",
        "url": "https://blog.regenerative.at/mitgliedschaft-in-verschiedenen-energiegemeinschaften",
        "says": "where one community delivers too little, the other still delivers 60 kWh at most, its share",
    },
    "eda": {
        "title": "EDA-Portal, Aufteilungsmodelle, Statische Aufteilung",
        "url": "https://www.eda-portal.at/de/EDA-Portal/Aufteilungsmodelle",
        "says": "each has the agreed share of what is produced; what one does not use goes to the grid",
    },
    "hubwatt": {
        "title": "HubWatt, Clés de répartition en autoconsommation collective, 2 (égalitaire avec réaffectation)",
        "url": "https://hubwatt.fr/?p=4621",
        "says": "an equal share each; what one does not draw is redistributed to the others",
    },
    "weshare": {
        "title": "weshareenergy.lu, Clés de répartition",
        "url": "https://weshareenergy.lu/le-partage-denergie/cles-de-repartition",
        "says": "priority: in an order set beforehand; percentage; pro rata of the momentary draw",
    },
    "directive": {
        "title": "Directive 2000/84/EC, articles 2 and 3",
        "url": "https://eur-lex.europa.eu/eli/dir/2000/84/oj",
        "says": "the clocks change on the last Sundays of March and October at 01:00 UTC",
    },
}

POETS = ("Brecht", "Busch", "Fontane", "Goethe", "Grün", "Heine", "Herder", "Hesse", "Jandl", "Kleist", "Lenau",
         "Lessing", "Mörike", "Rilke", "Schiller", "Storm")  # fmt: skip
COMPOSERS = ("Bach", "Brahms", "Chopin", "Haydn", "Liszt", "Mahler", "Mozart", "Wagner")

Rows = list[tuple[str, int, int, dict[int, dict[str, int]]]]
"""name, draw, feed-in, {agreement: weight, share, role, taken, given}; energies in the vector's unit."""


def vector(
    name: str, source: str, kind: str, rows: Rows, *, keys: list[Key], unit: int = KWH, precision: int = 1,
    exact: bool = False, day: str | None = None, slots: int = 1,
) -> dict[str, Any]:  # fmt: skip
    """One vector. exact: the expectations are mWh already; day: a whole day of `slots` equal quarter-hours."""
    factor = 1 if exact else unit
    return {
        "name": name,
        "source": {"kind": kind, **SOURCES[source]},
        "precision_mwh": precision,
        "window": window_of(parse_date(day)) if day else None,
        "agreements": [
            {"id": i, "key": int(k), "price_ueur_kwh": 100_000, "cap_mwh": NO_CAP} for i, k in enumerate(keys, start=1)
        ],
        "members": [
            {
                "name": who,
                "draw_mwh": [draw * unit] * slots,
                "feed_mwh": [feed * unit] * slots,
                "places": [
                    {
                        "agreement": a,
                        "role": p.get("role", int(Role.GIVER if feed else Role.TAKER)),
                        "weight": p.get("weight", 0),
                        "share_ppm": p.get("share", 10**6),
                        "taken_mwh": p.get("taken", 0) * factor * slots,
                        "given_mwh": p.get("given", 0) * factor * slots,
                    }
                    for a, p in places.items()
                ],
            }
            for who, draw, feed, places in rows
        ],
    }


def taker(name: str, draw: int, taken: int, weight: int = 0) -> tuple[str, int, int, dict[int, dict[str, int]]]:
    return name, draw, 0, {1: {"taken": taken, "weight": weight}}


def giver(name: str, feed: int, given: int, agreement: int = 1) -> tuple[str, int, int, dict[int, dict[str, int]]]:
    return name, 0, feed, {agreement: {"given": given}}


def quarter_hour(name: str, key: Key, draws: str, taken: str, feeds: str, given: str) -> dict[str, Any]:
    """A quarter-hour of e-gemeinschaft.at, in Wh."""
    columns = ([int(x) for x in text.split()] for text in (draws, taken, feeds, given))
    drawn, got, fed, gave = columns
    rows = [taker(*row) for row in zip(POETS, drawn, got, strict=True)]
    rows += [giver(*row) for row in zip(COMPOSERS, fed, gave, strict=True)]
    return vector(name, "egemeinschaft", "quoted", rows, keys=[key], unit=WH, precision=WH)


def german() -> list[dict[str, Any]]:
    plant = "plant"
    return [
        vector("ten per cent of 100 is 10", "bdew", "second-hand",
               [taker("MaLo2", 20, 10, 100_000), giver(plant, 100, 10)], keys=[Key.STATIC]),
        vector("ten and ninety per cent", "bdew", "second-hand",
               [taker("MaLo2", 5, 1, 100_000), taker("MaLo3", 20, 9, 900_000), giver(plant, 10, 10)],
               keys=[Key.STATIC]),
        vector("a share above the draw is cut to it", "bdew", "second-hand",
               [taker("MaLo3", 2, 2, 900_000), giver(plant, 10, 2)], keys=[Key.STATIC]),
        vector("variable shares cover everybody", "bdew", "second-hand",
               [taker("MaLo2", 2, 2), taker("MaLo3", 8, 8), giver(plant, 10, 10)], keys=[Key.PROPORTIONAL]),
        vector("nobody draws, nobody is divided by", "bdew", "second-hand",
               [taker("MaLo2", 0, 0), taker("MaLo3", 0, 0), giver(plant, 3, 0)], keys=[Key.PROPORTIONAL]),
        vector("the lesser of production and draw is shared", "enwg", "constructed",
               [taker("A", 3, 3), taker("B", 1, 1), giver(plant, 10, 4)], keys=[Key.PROPORTIONAL]),
    ]  # fmt: skip


def austrian() -> list[dict[str, Any]]:
    third = 333_333
    return [
        quarter_hour("1829 of 1924 Wh, in proportion", Key.PROPORTIONAL,
                     "136 206 308 74 90 46 36 132 131 36 107 94 72 251 43 162",
                     "129 196 293 70 86 44 34 125 125 34 102 89 68 239 41 154",
                     "354 200 328 225 295 182 12 233", "354 200 328 225 295 182 12 233"),
        quarter_hour("1829 of 1924 Wh, evenly", Key.EQUAL,
                     "136 206 308 74 90 46 36 132 131 36 107 94 72 251 43 162",
                     "136 206 232 74 90 46 36 132 131 36 107 94 72 232 43 162",
                     "354 200 328 225 295 182 12 233", "354 200 328 225 295 182 12 233"),
        quarter_hour("4241 of 4917 Wh, in proportion", Key.PROPORTIONAL,
                     "572 395 632 323 55 10 276 245 515 218 223 47 513 27 394 472",
                     "493 341 545 279 47 9 238 211 444 188 192 41 442 23 340 407",
                     "608 550 451 705 584 634 402 307", "608 550 451 705 584 634 402 307"),
        quarter_hour("4241 of 4917 Wh, evenly", Key.EQUAL,
                     "572 395 632 323 55 10 276 245 515 218 223 47 513 27 394 472",
                     "406 395 406 323 55 10 276 245 406 218 223 47 406 27 394 406",
                     "608 550 451 705 584 634 402 307", "608 550 451 705 584 634 402 307"),
        quarter_hour("3121 of 3539 Wh fed in, in proportion", Key.PROPORTIONAL,
                     "33 227 151 177 393 135 418 114 26 230 145 227 149 202 336 158",
                     "33 227 151 177 393 135 418 114 26 230 145 227 149 202 336 158",
                     "708 182 505 99 535 646 251 613",
                     "624 161 445 87 472 570 221 541"),
        vector("70 and 30 per cent in two communities", "neoom", "quoted",
               [("member", 10, 0, {1: {"taken": 7, "share": 700_000}, 2: {"taken": 3, "share": 300_000}}),
                giver("EG 1", 50, 7), giver("EG 2", 50, 3, 2)],
               keys=[Key.PROPORTIONAL, Key.PROPORTIONAL], unit=KWH // 10),
        vector("a second community delivers its share at most", "regenerative", "constructed",
               [("member", 100, 0, {1: {"taken": 10, "share": 400_000}, 2: {"taken": 60, "share": 600_000}}),
                giver("EEG 1", 10, 10), giver("EEG 2", 500, 60, 2)],
               keys=[Key.PROPORTIONAL, Key.PROPORTIONAL]),
        vector("an unused third strands", "eda", "constructed",
               [taker("A", 6 * KWH, 3_999_996, third), taker("B", 6 * KWH, 3_999_996, third), taker("C", 0, 0, third),
                giver("plant", 12 * KWH, 7_999_992)], keys=[Key.STATIC], unit=1),
        vector("a consumer in three agreements takes each kWh once", "neoom", "constructed",
               [("member", 10, 0, {1: {"taken": 4}, 2: {"taken": 3, "weight": 10**6}, 3: {"taken": 3, "weight": 1}}),
                giver("EG 1", 4, 4), giver("EG 2", 3, 3, 2), giver("EG 3", 9, 3, 3)],
               keys=[Key.PROPORTIONAL, Key.STATIC, Key.CASCADING]),
    ]  # fmt: skip


def others() -> list[dict[str, Any]]:
    twelve = 12 * KWH
    return [
        vector("who comes first is served first", "pleinsoleil", "quoted",
               [taker("B", 4, 4, 0), taker("C", 8, 6, 1), giver("A", 10, 10)], keys=[Key.PRIORITY], unit=KWH // 10),
        vector("equals within a rank share in proportion", "weshare", "constructed",
               [taker("A", 4, 4, 0), taker("B", 6, 3, 1), taker("C", 2, 1, 1), taker("D", 9, 0, 2),
                giver("plant", 8, 8)], keys=[Key.PRIORITY]),
        vector("an unused third goes to the others", "hubwatt", "constructed",
               [taker("A", 6 * KWH, 6 * KWH), taker("B", 6 * KWH, 6 * KWH), taker("C", 0, 0),
                giver("plant", twelve, twelve)], keys=[Key.EQUAL], unit=1),
        vector("cascade: unused entitlement goes on by weight", "hubwatt", "constructed",
               [taker("A", 10 * KWH, 10 * KWH, 3), taker("B", 40 * KWH, 33_333_333, 2),
                taker("C", 40 * KWH, 16_666_666, 1), giver("plant", 60 * KWH, 60 * KWH)],
               keys=[Key.CASCADING], unit=1),
        vector("cascade: two strands fill up one after the other", "hubwatt", "constructed",
               [taker("A", 1 * KWH, 1 * KWH, 4), taker("B", 3 * KWH, 3 * KWH, 3), taker("C", 90 * KWH, 12 * KWH, 2),
                taker("D", 90 * KWH, 6 * KWH, 1), giver("plant", 22 * KWH, 22 * KWH)], keys=[Key.CASCADING], unit=1),
        *(
            vector(f"a day of {slots} quarter-hours", "directive", "constructed",
                   [taker("A", 300, 200), taker("B", 150, 100), giver("plant", 300, 300)],
                   keys=[Key.PROPORTIONAL], unit=WH, day=day, slots=slots)
            for day, slots in (("2027-03-28", 92), ("2026-10-25", 100))
        ),
    ]  # fmt: skip


def field_vectors() -> dict[str, Any]:
    """All of them; the amounts are typed from the sources, nothing here is computed by the rules."""
    return {"vectors": [*german(), *austrian(), *others()]}
