"""Reasons: exact contributions, and sentences that agree with the numbers."""

from __future__ import annotations

import dataclasses
import math
import re
from datetime import timedelta

import numpy as np
import pytest

from fitmodel.exceptions import SpecError
from fitmodel.learning.calibration import CalibrationMap
from fitmodel.model._sentences import FEW_DEALS, Sentences, in_hundredths
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer, scorer_from_json
from fitmodel.model.wording import Wording, wording_from_dict, wording_of

EVERY = 1_000


@pytest.fixture(scope="module")
def worded(model, simulation) -> FitModel:
    spec = simulation.spec.replace(
        words={
            "labels": {"seats": "Seats ordered"},
            "units": {"trial_days": "days"},
            "money": "€ {:,.0f}",
        }
    )
    return FitModel(dataclasses.replace(model.scorer, wording=wording_of(spec)), model.manifest)


@pytest.fixture(scope="module")
def prospects(simulation) -> list[dict]:
    return simulation.deals.head(150).to_dict("records")


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def only(reasons, name):
    (result,) = [reason for reason in reasons if reason.attribute == name]
    return result


def test_reasons_of_both_directions_add_up_to_the_log_odds(worded, prospects) -> None:
    scorecard = worded.scorecard
    for prospect in prospects:
        predicted = worded.predict(prospect, reasons=EVERY)
        total = scorecard.baseline + sum(reason.contribution for reason in predicted.reasons)
        assert worded.scorer.calibrated(total) == pytest.approx(predicted.early_churn_probability)
        assert set(predicted.against) | set(predicted.in_favour) == set(predicted.reasons)
        assert all(reason.contribution > 0 for reason in predicted.against)


def test_the_odds_ratio_is_the_ratio_of_the_odds_with_and_without_the_attribute(
    worded, prospects
) -> None:
    for prospect in prospects[:40]:
        predicted = worded.predict(prospect, reasons=EVERY)
        log_odds = worded.scorecard.baseline + sum(item.contribution for item in predicted.reasons)
        for reason in predicted.reasons:
            without = worded.scorer.calibrated(log_odds - reason.contribution)
            ratio = math.exp(logit(predicted.early_churn_probability) - logit(without))
            assert reason.odds_ratio == pytest.approx(ratio)
            assert reason.risk_ratio == pytest.approx(predicted.early_churn_probability / without)
            assert (ratio > 1) == (reason.contribution > 0)
            quoted = re.search(
                r"(raises|lowers) the odds of leaving \N{MULTIPLICATION SIGN}([\d.]+)",
                reason.sentence,
            )
            if quoted is None:
                assert "hardly changes the odds of leaving" in reason.sentence
                assert ratio == pytest.approx(1.0, abs=0.0051)
            else:
                assert quoted.group(1) == ("raises" if ratio > 1 else "lowers")
                assert float(quoted.group(2)) == pytest.approx(ratio, abs=0.051)
                assert reason.effect == f"odds \N{MULTIPLICATION SIGN}{quoted.group(2)}"


def test_the_odds_ratio_does_not_depend_on_the_other_attributes_where_the_map_is_a_line(
    worded,
) -> None:
    scorer = worded.scorer
    line = dataclasses.replace(
        scorer.scorecard, calibration=CalibrationMap.linear(0.8, 0.1, "slope")
    )
    sentences = Sentences(line, scorer.sentences("en").wording)
    for log_odds in (-4.0, 0.0, 4.0, 12.0):
        assert sentences.odds_ratio(log_odds, 0.7) == pytest.approx(sentences.odds_ratio(0.0, 0.7))
    assert sentences.odds_ratio(12.0, 0.7) > 1.5  # a ratio of probabilities would be 1.00


def test_the_odds_ratio_is_that_of_the_probabilities_with_and_without_the_reason(worded) -> None:
    sentences, calibration = worded.scorer.sentences("en"), worded.scorer.scorecard.calibration
    assert len(calibration.knots) > 2  # a bent map
    for log_odds in (-4.0, 0.0, 2.0):
        p, without = calibration.probability(np.array([log_odds, log_odds - 0.7]))
        odds_ratio = p / (1 - p) / (without / (1 - without))
        assert sentences.odds_ratio(log_odds, 0.7) == pytest.approx(odds_ratio)


def test_a_date_is_described_by_its_time_before_signing(worded, prospects) -> None:
    seen = set()
    for prospect in prospects:
        reason = only(worded.predict(prospect, reasons=EVERY).reasons, "first_contact_on")
        days = (prospect["closed_on"] - prospect["first_contact_on"]).days
        assert reason.value == prospect["first_contact_on"]
        assert reason.before_signing == {"first_contact_on": timedelta(days=days)}
        assert reason.value_words == worded.scorer.wording.duration(float(days))
        assert reason.sentence.startswith(f"First contact {reason.value_words}: ")
        assert str(prospect["first_contact_on"].date()) not in reason.sentence
        seen.add(days)
    assert len(seen) > 20


@pytest.mark.parametrize(
    ("days", "english", "chinese"),
    [
        (11.0, "11 days before signing", "签约前 11 天"),
        (1.0, "1 day before signing", "签约前 1 天"),
        (0.0, "on the day of signing", "签约当天"),
        (-3.0, "3 days after signing", "签约后 3 天"),
        (math.nan, "not known", "未知"),
    ],
)
def test_durations_are_written_in_words(days, english, chinese) -> None:
    assert Wording().duration(days) == english
    assert Wording(language="zh").duration(days) == chinese


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0%"), (0.001, "<1%"), (0.114, "11%"), (0.9967, ">99%"), (1.0, "100%")],
)
def test_a_percentage_is_0_or_100_only_if_it_is_exact(share, text) -> None:
    assert Wording().percent(share) == text
    assert Wording(language="zh").percent(share) == text.replace(" ", "")


def test_the_displayed_ratio_never_decreases_with_the_ratio() -> None:
    steps = [in_hundredths(ratio / 1000) for ratio in range(1, 4000)]
    assert steps == sorted(steps)
    assert [in_hundredths(ratio) for ratio in (0.0, 0.62, 0.999, 1.04, 1.94, 12.3)] == [
        1, 62, 100, 104, 190, 1230,
    ]  # fmt: skip


def test_an_attribute_appears_in_one_reason_only(worded, prospects) -> None:
    for prospect in prospects:
        names = [item.attribute for item in worded.predict(prospect, reasons=EVERY).reasons]
        assert len(names) == len(set(names))


def test_the_evidence_comes_from_the_scorecard_and_names_the_horizon(worded, prospects) -> None:
    reason = only(worded.predict(prospects[3], reasons=EVERY).reasons, "lead_source")
    (row,) = [
        row
        for row in worded.scorecard.table("lead_source")
        if row["value"] == prospects[3]["lead_source"]
    ]
    assert (reason.deals, reason.early_churn_rate) == (row["deals"], row["early_churn"])
    assert reason.sentence.startswith(
        f"Lead source is {reason.value}: {row['early_churn'] * 100:.0f}% of {row['deals']} such "
        f"deals left within 5 months, {worded.scorecard.base_rate * 100:.0f}% of all ("
    )


def test_labels_of_the_contract_are_used_and_stored_in_the_bundle(worded, prospects) -> None:
    again = FitModel(scorer_from_json(worded.scorer.to_json(), "v"), {})
    assert again.scorer.wording == worded.scorer.wording
    predicted = {
        item.attribute: item.sentence for item in again.predict(prospects[0], reasons=EVERY).reasons
    }
    assert predicted["seats"].startswith("Seats ordered is ")
    assert f"Annual value is € {prospects[0]['annual_value']:,.0f}" in predicted["annual_value"]
    assert "days" in predicted["trial_days"]


def test_an_older_bundle_without_labels_still_has_sentences(worded, prospects) -> None:
    import json

    data = json.loads(worded.scorer.to_json())
    del data["wording"]
    older = FitModel(scorer_from_json(json.dumps(data).encode(), "v"), {})
    sentence = only(older.predict(prospects[3], reasons=EVERY).reasons, "lead_source").sentence
    assert " such deals left early, " in sentence


@pytest.mark.parametrize("money", ["{0.__class__}", "{:1000000000f}", "no number"])
def test_an_unsafe_money_format_is_refused(money) -> None:
    with pytest.raises(ValueError, match="does not format money"):
        wording_from_dict(Wording().to_dict() | {"money": money})


def test_sentences_mention_few_deals_no_deals_and_missing_values(model, prospects) -> None:
    position = model.attributes.index("lead_source")
    evidence = model.scorecard.evidence[position]
    code = model.scorecard.columns[position].code(prospects[0]["lead_source"])
    few = evidence.count.copy()
    few[evidence.band[code]] = FEW_DEALS - 1
    scorecard = dataclasses.replace(
        model.scorecard,
        evidence=tuple(
            dataclasses.replace(item, count=few, left=None, unknown=None)
            if item is evidence
            else item
            for item in model.scorecard.evidence
        ),
    )
    scorer = model.scorer
    rare = FitModel(Scorer(scorecard, scorer.policy, None, scorer.closed_on, "v"), {})
    sentence = only(rare.predict(prospects[0], reasons=EVERY).reasons, "lead_source").sentence
    assert "of only 19 such deals" in sentence
    assert "too few to rely on" in sentence
    unseen = {**prospects[0], "lead_source": "never seen", "seats": None}
    predicted = {item.attribute: item for item in model.predict(unseen, reasons=EVERY).reasons}
    if "lead_source" in predicted:
        assert "no such deal among those learned from" in predicted["lead_source"].sentence
    if "seats" in predicted:
        assert predicted["seats"].sentence.startswith("Seats is not known: ")


def test_the_sentence_explains_a_rate_that_contradicts_the_effect(worded, prospects) -> None:
    base = worded.scorecard.base_rate
    seen = 0
    for reason in (r for p in prospects for r in worded.predict(p, reasons=EVERY).reasons):
        rate = reason.early_churn_rate
        if round(rate * 100) == round(base * 100) or math.isnan(rate):
            continue
        contrary = (rate > base) != (reason.contribution > 0)
        assert ("yet, with all else known" in reason.sentence) == contrary
        seen += contrary
    assert seen > 0


def test_the_rep_is_not_a_reason_but_is_included_in_the_sum(worded, prospects) -> None:
    words = dataclasses.replace(worded.scorer.wording, sellers=("lead_source",))
    model = FitModel(dataclasses.replace(worded.scorer, wording=words), {})
    quiet = [position for position, term in enumerate(model.scorecard.terms)
             if model.attributes.index("lead_source") in term]  # fmt: skip
    assert quiet
    for prospect in prospects[:40]:
        usual = worded.predict(prospect, reasons=EVERY)
        predicted = model.predict(prospect, reasons=EVERY)
        assert predicted.early_churn_probability == usual.early_churn_probability
        assert sorted(item.contribution for item in predicted.reasons) == sorted(
            item.contribution for item in usual.reasons
        )
        last = [item for item in predicted.reasons if not item.is_about_prospect]
        assert list(predicted.reasons[-len(last) :]) == last
        assert all(prospect["lead_source"] not in item.sentence for item in last)
        assert all(item.is_about_prospect for item in model.predict(prospect).reasons)


def test_chinese_sentences_have_the_same_numbers(worded, prospects) -> None:
    for prospect in prospects[:20]:
        english, chinese = (
            worded.predict(prospect, reasons=EVERY, language=language).reasons
            for language in ("en", "zh")
        )
        for one, other in zip(english, chinese, strict=True):
            assert one.contribution == other.contribution
            assert "流失" in other.sentence or "风险" in other.sentence
            assert not re.search(r"such deals|the risk|within", other.sentence)
            assert sorted(re.findall(r"\d+(?:\.\d+)?", one.sentence)) == sorted(
                re.findall(r"\d+(?:\.\d+)?", other.sentence)
            )


def test_a_language_without_texts_is_refused(worded, prospects) -> None:
    with pytest.raises(SpecError, match='language "fr"'):
        worded.predict(prospects[0], language="fr")


def test_an_assessment_is_printed_in_its_language(worded, prospects) -> None:
    predicted = worded.predict(prospects[0], language="zh")
    assert str(predicted).splitlines()[0] == predicted.verdict
    assert "在 5 个月内流失的概率为" in predicted.verdict


def test_a_notebook_shows_escaped_html(worded, prospects) -> None:
    predicted = worded.predict({**prospects[0], "lead_source": "<script>x</script>"}, reasons=EVERY)
    html = predicted._repr_html_()
    assert predicted.verdict in html
    assert "<script>" not in html
    assert "color:#000" not in html
    assert worded.version in worded._repr_html_()


@pytest.mark.parametrize(
    ("amount", "money", "text"),
    [
        (4.2, "{:,.0f}", "4.2"),  # in units of 10,000
        (88.5, "{:,.0f}", "88.5"),
        (0.0, "{:,.0f}", "0"),
        (-88.5, "{:,.0f}", "\N{MINUS SIGN}88"),
        (1234.56, "{:,.0f}", "1,235"),
        (120_000.0, "{:,.0f}", "120,000"),
        (88.5, "€ {:,.0f}", "€ 88"),  # an own format has its own decimals
        (float("nan"), "{:,.0f}", Wording().say("unknown")),
    ],
)
def test_a_small_amount_keeps_its_decimals_alone_and_in_a_column(amount, money, text):
    words = Wording(money=money, amount="price")

    assert words.quantity("price", amount) == text
    assert words.quantities("price", [amount, amount]) == [text, text]
