#include "harness/base/json.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static void tokener_freep(struct json_tokener **t)
{
	if (*t)
		json_tokener_free(*t);
}

int json_parse(const char *text, size_t n, struct json_object **ret_o, struct hx_error *err)
{
	_cleanup_(tokener_freep) struct json_tokener *tok = json_tokener_new_ex(JSON_DEPTH_LIMIT);

	if (!tok)
		return hx_error_set(err, -ENOMEM, "out of memory");
	if (n > JSON_TEXT_LIMIT)
		return hx_error_set(err, -EFBIG, "JSON of %zu bytes, the limit is %u", n,
				    JSON_TEXT_LIMIT);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8 |
					    JSON_TOKENER_ALLOW_TRAILING_CHARS);
	struct json_object *o = json_tokener_parse_ex(tok, text, (int)n);
	enum json_tokener_error e = json_tokener_get_error(tok);
	size_t end = json_tokener_get_parse_end(tok);

	if (e == json_tokener_continue)
		return hx_error_set(err, -EBADMSG, "JSON ends in the middle, after %zu bytes", n);
	if (e != json_tokener_success)
		return hx_error_set(err, -EBADMSG, "JSON error at byte %zu: %s", end,
				    json_tokener_error_desc(e));
	while (end < n && isspace((unsigned char)text[end]))
		end++;
	if (end < n) {
		json_object_put(o);
		return hx_error_set(err, -EBADMSG, "text after the JSON document, at byte %zu",
				    end);
	}
	*ret_o = o;
	return 0;
}

static int lookup(struct json_object *obj, const char *key, enum json_type type, const char *what,
		  struct json_object **ret, struct hx_error *err)
{
	struct json_object *v = NULL;

	if (!json_object_is_type(obj, json_type_object) || !json_object_object_get_ex(obj, key, &v))
		return hx_error_set(err, -EBADMSG, "%s: missing", key);
	if (!json_object_is_type(v, type))
		return hx_error_set(err, -EBADMSG, "%s: not %s", key, what);
	*ret = v;
	return 0;
}

int json_get_string(struct json_object *obj, const char *key, const char **ret,
		    struct hx_error *err)
{
	struct json_object *v = NULL;
	int r = lookup(obj, key, json_type_string, "a string", &v, err);

	if (r < 0)
		return r;
	*ret = json_object_get_string(v);
	return 0;
}

int json_get_int(struct json_object *obj, const char *key, int64_t *ret, struct hx_error *err)
{
	struct json_object *v = NULL;
	int r = lookup(obj, key, json_type_int, "an integer", &v, err);

	if (r < 0)
		return r;
	*ret = json_object_get_int64(v);
	return 0;
}

int json_get_bool(struct json_object *obj, const char *key, bool *ret, struct hx_error *err)
{
	struct json_object *v = NULL;
	int r = lookup(obj, key, json_type_boolean, "true or false", &v, err);

	if (r < 0)
		return r;
	*ret = json_object_get_boolean(v);
	return 0;
}

int json_get_array(struct json_object *obj, const char *key, struct json_object **ret,
		   struct hx_error *err)
{
	return lookup(obj, key, json_type_array, "an array", ret, err);
}

int json_get_object(struct json_object *obj, const char *key, struct json_object **ret,
		    struct hx_error *err)
{
	return lookup(obj, key, json_type_object, "an object", ret, err);
}

const char *json_string_or(struct json_object *obj, const char *key, const char *fallback)
{
	const char *v = NULL;

	return json_get_string(obj, key, &v, NULL) < 0 ? fallback : v;
}

int64_t json_int_or(struct json_object *obj, const char *key, int64_t fallback)
{
	int64_t v = 0;

	return json_get_int(obj, key, &v, NULL) < 0 ? fallback : v;
}

bool json_bool_or(struct json_object *obj, const char *key, bool fallback)
{
	bool v = false;

	return json_get_bool(obj, key, &v, NULL) < 0 ? fallback : v;
}

int json_add(struct json_object *obj, const char *key, struct json_object *child)
{
	if (!child)
		return -ENOMEM;
	if (json_object_object_add(obj, key, child) < 0) {
		json_object_put(child);
		return -ENOMEM;
	}
	return 0;
}

int json_add_string(struct json_object *obj, const char *key, const char *text)
{
	return text ? json_add(obj, key, json_object_new_string(text)) : 0;
}

int json_add_string_n(struct json_object *obj, const char *key, const char *text, size_t n)
{
	return json_add(obj, key, json_object_new_string_len(text, (int)n));
}

int json_add_int(struct json_object *obj, const char *key, int64_t v)
{
	return json_add(obj, key, json_object_new_int64(v));
}

int json_add_bool(struct json_object *obj, const char *key, bool v)
{
	return json_add(obj, key, json_object_new_boolean(v));
}

int json_push(struct json_object *array, struct json_object *child)
{
	if (!child)
		return -ENOMEM;
	if (json_object_array_add(array, child) < 0) {
		json_object_put(child);
		return -ENOMEM;
	}
	return 0;
}

int json_push_string(struct json_object *array, const char *text)
{
	return json_push(array, json_object_new_string(text));
}

int json_add_strv(struct json_object *obj, const char *key, const struct strv *v)
{
	_cleanup_json_ struct json_object *array = json_object_new_array();

	if (!array)
		return -ENOMEM;
	for (size_t i = 0; i < v->n; i++)
		if (json_push_string(array, v->items[i]) < 0)
			return -ENOMEM;
	return json_add(obj, key, TAKE_PTR(array));
}

int json_get_strv(struct json_object *obj, const char *key, struct strv *v, struct hx_error *err)
{
	struct json_object *array = NULL;

	if (!json_object_object_get_ex(obj, key, &array))
		return 0;
	if (!json_object_is_type(array, json_type_array))
		return hx_error_set(err, -EBADMSG, "%s: not an array", key);
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *item = json_object_array_get_idx(array, i);

		if (!json_object_is_type(item, json_type_string))
			return hx_error_set(err, -EBADMSG, "%s[%zu]: not a string", key, i);
		if (strv_push(v, json_object_get_string(item)) < 0)
			return hx_error_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

const char *json_line(struct json_object *o)
{
	return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							 JSON_C_TO_STRING_NOSLASHESCAPE);
}
