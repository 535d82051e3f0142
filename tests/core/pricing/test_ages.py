from cachekit.core.pricing.ages import OLD_DAYS, ages

DAY = 86_400
LAST_DAY_OF_NOVEMBER = 1_795_996_800.0


def test_each_kind_of_fact_has_a_day_and_an_age():
    found = {name: (day, days) for name, day, days in ages(LAST_DAY_OF_NOVEMBER + 100 * DAY)}
    assert found.keys() == {"models", "policies", "prices"}
    assert all(day.startswith("20") and days >= OLD_DAYS for day, days in found.values())


def test_a_clock_that_is_behind_makes_nothing_younger_than_new():
    assert all(days == 0 for _, _, days in ages(0.0))
