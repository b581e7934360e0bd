/* When children are started again: delays after failures, and times that are spread. */
#include "keeper/keeper.h"

#include "harness.h"

static void delays_double_up_to_a_maximum(void)
{
	static const int delays[] = {10, 20, 35, 35};
	struct beget__keeper k = {.first_ms = 10, .most_ms = 35};

	for (size_t i = 0; i < sizeof(delays) / sizeof(*delays); i++) {
		beget__keeper_failed(&k, 1000);
		assert_int_equal(k.not_before, 1000 + delays[i]);
		assert_false(beget__keeper_may_start(&k, k.not_before - 1));
		assert_true(beget__keeper_may_start(&k, k.not_before));
	}
	beget__keeper_succeeded(&k);
	assert_true(beget__keeper_may_start(&k, 0));
	beget__keeper_failed(&k, 1000);
	assert_int_equal(k.not_before, 1010);
}

/* Between 90 and 110 percent, and over most of this range. */
static void times_are_spread(void)
{
	int64_t least = 1000, most = 1000;

	for (int i = 0; i < 1000; i++) {
		int64_t ms = beget__keeper_jitter(1000);
		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	assert_true(900 <= least && least < 920);
	assert_true(1080 < most && most <= 1100);
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(delays_double_up_to_a_maximum),
		UNIT(times_are_spread),
	};

	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
