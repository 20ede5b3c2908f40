/* Mount options, as the guest and the log show them. */
#include <errno.h>
#include <string.h>

#include "harness/observe/sensors.h"

/* FD numbers say nothing about a mount's behaviour, and differ from mount to mount. */
static bool is_number(const char *option)
{
	return str_starts(option, "rfdno=") || str_starts(option, "wfdno=");
}

static int join_rest(const struct strv *all, struct str *ret)
{
	_cleanup_strv_ struct strv rest = STRV_INIT;

	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->items[i], "directfs") && !is_number(all->items[i]) &&
		    strv_push(&rest, all->items[i]) < 0)
			return -ENOMEM;
	strv_sort(&rest);
	for (size_t i = 0; i < rest.n; i++)
		str_printf(ret, "%s%s", i ? "," : "", rest.items[i]);
	return str_ok(ret);
}

int sense_options(struct sensing *x, int subject, const char *options, const char *sensor)
{
	_cleanup_strv_ struct strv all = STRV_INIT;
	_cleanup_str_ struct str rest = STR_INIT;
	const char *cache =
		"exclusive"; /* runsc names the cache only where it is not the default */
	int r = strv_split(&all, options, ',');

	if (r >= 0)
		r = sensed(x, PROP_DIRECTFS, subject, NULL,
			   strv_has(&all, "directfs") ? "yes" : "no", sensor);
	for (size_t i = 0; i < all.n; i++)
		if (str_starts(all.items[i], "cache="))
			cache = all.items[i] + strlen("cache=");
	/* The log has the options as given, the guest as understood: only the guest's are compared. */
	if (r < 0 || strcmp(sensor, SENSOR_GUEST))
		return r;
	r = sensed(x, PROP_CACHE, subject, NULL, cache, sensor);
	if (r >= 0)
		r = join_rest(&all, &rest);
	return r < 0 ? r : sensed(x, PROP_OPTIONS, subject, NULL, str_text(&rest), sensor);
}
